import { canonicalAddress, isLeft } from "@pagoda/core";
import { HttpHeaders, httpRequest, type HttpRequest, type Peer, type WithClaims } from "@pagoda/http";
import { claimedPeer } from "../config/claimed-peer.ts";
import { loadConfig } from "../config/load.ts";
import type { ListenerConfig } from "../config/schema/config.ts";
import { listenerName } from "../config/names.ts";
import { type Command, type CommandIo, parsed, usageError } from "./command.ts";
import { type Explained, explainListener } from "./explain-listener.ts";

const options = {
  config: { type: "string", short: "c" },
  header: { type: "string", short: "H", multiple: true },
  from: { type: "string" },
  identity: { type: "string" },
  claims: { type: "string" },
} as const;

/** `pagoda explain`: shows how a request would be handled, and why. */
export const explain: Command = {
  usage:
    "explain [-c FILE] METHOD URL [-H 'NAME: VALUE']... [--from ADDRESS] [--identity ID] [--claims JSON]",
  about: "Shows which route, cluster and policies apply to a request, and why other routes do not match.",
  async run(args, io) {
    const flags = parsed(args, options);
    if (typeof flags === "string") return wrong(io, flags);
    const [method, url, unexpected] = flags.positionals;
    if (method === undefined || url === undefined || unexpected !== undefined)
      return wrong(io, "requires a method and a URL, such as GET http://shop.example/cart");
    const request = requestOf(method, url, flags.values);
    if (typeof request === "string") return wrong(io, request);
    const loaded = await loadConfig({ file: flags.values.config, env: io.env });
    if (isLeft(loaded)) {
      for (const problem of loaded.left) io.stderr(`${problem}\n`);
      return usageError;
    }
    io.stdout((await explained(loaded.right, new URL(url), request)).join("\n"));
    return 0;
  },
};

type Request = HttpRequest & { readonly peer: Peer };

function wrong(io: CommandIo, message: string): number {
  io.stderr(`pagoda explain: ${message}; see pagoda --help\n`);
  return usageError;
}

function requestOf(
  method: string,
  url: string,
  {
    header = [],
    from = "127.0.0.1",
    identity,
    claims,
  }: {
    readonly header?: readonly string[];
    readonly from?: string;
    readonly identity?: string;
    readonly claims?: string;
  },
): Request | string {
  const fields: [string, string][] = [];
  for (const each of header) {
    const [, name, value] = /^([^:\s]+):\s*(.*)$/.exec(each) ?? [];
    if (name === undefined || value === undefined) return `-H must be 'NAME: VALUE' (got "${each}")`;
    fields.push([name, value]);
  }
  if (!URL.canParse(url) || !/^https?:/.test(url))
    return `URL must be absolute, such as http://shop.example/cart (got "${url}")`;
  const address = canonicalAddress(from);
  if (address === undefined) return `--from must be an IP address (got "${from}")`;
  const verified = claims === undefined ? undefined : objectIn(claims);
  if (claims !== undefined && verified === undefined)
    return `--claims must be a JSON object, such as '{"sub":"ann"}' (got "${claims}")`;
  const request = httpRequest(url, { method, headers: HttpHeaders.of(fields) });
  const withClaims: Partial<WithClaims> = verified === undefined ? {} : { claims: verified };
  return { ...request, ...targetOf(url), peer: claimedPeer(address, identity), ...withClaims };
}

function objectIn(json: string): object | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Path and query as sent: parsing the URL would resolve dot segments. */
function targetOf(url: string): Partial<Pick<HttpRequest, "path" | "query">> {
  const [bare = ""] = url.split("#", 1);
  const [, path, query = ""] = /^[^:]*:\/\/[^/?]*(\/[!->@-~]*)(\?[!-~]*)?$/.exec(bare) ?? [];
  // A client would encode non-ASCII characters.
  return path === undefined ? {} : { path, query };
}

/**
 * Explains what each listener that the request may reach does with it, and why it cannot reach the
 * others.
 */
async function explained(subject: Explained, url: URL, request: Request): Promise<readonly string[]> {
  const { config } = subject;
  const mismatches = config.listeners.map((listener) => mismatchesOf(listener, url));
  // A load balancer in front may map the port and terminate TLS.
  const fewest = Math.min(...mismatches.map((each) => each.length));
  const served = `${url.protocol.slice(0, -1)} on port ${portOf(url)}`;
  const parts =
    fewest === 0
      ? []
      : [
          `no listener serves ${served}; assuming a load balancer in front that maps it to the listener below\n`,
        ];
  for (const [at, listener] of config.listeners.entries()) {
    const its = mismatches[at] as readonly string[];
    parts.push(
      its.length > fewest
        ? `listener ${listenerName(listener)}\n  does not apply: it ${its.join(" and ")}\n`
        : await explainListener(subject, at, request),
    );
  }
  return parts;
}

/** Why a request for a URL does not reach a listener; the scheme takes precedence over the port. */
function mismatchesOf({ tls, address: { port } }: ListenerConfig, url: URL): readonly string[] {
  const scheme = tls === undefined ? "http" : "https";
  const isPort = port === portOf(url);
  if (url.protocol === `${scheme}:`) return isPort ? [] : [`listens on port ${port}`];
  return [`serves ${scheme}`, `listens on port ${port}`];
}

function portOf({ port, protocol }: URL): number {
  return port === "" ? (protocol === "https:" ? 443 : 80) : Number(port);
}
