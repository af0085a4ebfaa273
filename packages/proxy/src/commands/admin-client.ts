import { type Either, isLeft, left, right } from "@pagoda/core";
import { adminAddress, type Sources } from "../config/load.ts";

/**
 * The URL of the admin endpoint of the program running with this configuration. `Left`: a line for each
 * invalid variable.
 */
export function adminUrl(sources: Sources): Either<readonly string[], string> {
  const address = adminAddress(sources);
  if (isLeft(address)) return address;
  const { host, port } = address.right;
  // A wildcard address is reachable on loopback.
  const to =
    host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "[::1]" : host.includes(":") ? `[${host}]` : host;
  return right(`http://${to}:${port}`);
}

/** The same, unless `--admin` names another one. `Left`: a line for each problem. */
export function adminOf({
  url,
  ...sources
}: Sources & { readonly url: string | undefined }): Either<readonly string[], string> {
  if (url === undefined) return adminUrl(sources);
  if (!/^https?:\/\//.test(url) || !URL.canParse(url))
    return left([`--admin must be a URL, such as http://127.0.0.1:9090 (got "${url}")`]);
  return right(url.replace(/\/$/, ""));
}

/** Why a page of the admin endpoint could not be read. */
export function unreachable(url: string, error: unknown): string {
  const { message } = ((error as Error).cause ?? error) as Error;
  return `pagoda: the admin endpoint ${new URL(url).origin} cannot be reached (${message}): does pagoda run with this configuration?\n`;
}
