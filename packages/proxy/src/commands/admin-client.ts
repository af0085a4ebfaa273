import { type Either, isLeft, right } from "@pagoda/core";
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

/** Why a page of the admin endpoint could not be read. */
export function unreachable(url: string, error: unknown): string {
  return `${url}: ${String((error as Error).cause ?? error)}\n`;
}
