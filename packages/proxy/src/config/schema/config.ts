import { isProtocolName, speaksHttp } from "@pagoda/http";
import { z } from "zod";
import { address } from "./address.ts";
import { cluster } from "./cluster.ts";
import { fields, flag, name, some, text, whole, word } from "../../schema/fields.ts";
import { listenerPolicies } from "./policies.ts";
import { route } from "./route.ts";
import { bare } from "../../schema/secrets.ts";
import { byteRate, duration, patience, durationOrNone, ratio } from "../../schema/units.ts";

export const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;

const validVia = "must be false, or letters, digits and ._:-";
const validCollector = "must be a URL with a path, such as http://collector:4318/v1/traces";

const certificate = fields({
  certificate: text.min(1).describe("File with the certificate and those that it is signed by (PEM)."),
  key: text.min(1).describe("File with the key (PEM)."),
});

const tls = fields({
  certificates: some(certificate).describe("By the names in them; the first one also where none fits."),
  minVersion: word(["TLSv1.2", "TLSv1.3"]).default("TLSv1.2").describe("The oldest that is spoken."),
  ciphers: text.optional().describe("A list as OpenSSL has it. Default: Node's."),
  clients: fields({
    ca: text
      .min(1)
      .describe("File with the certificates (PEM) of the authorities that sign clients' certificates."),
    required: flag.default(true).describe("Whether a client without one is refused."),
  })
    .optional()
    .describe("Clients show certificates, too."),
});

const paths = fields({
  normalize: word(["minimal", "rfc3986", "off"])
    .default("minimal")
    .describe(
      "`minimal`: routes and policies match the normal form of a path (RFC 3986, 6.2.2: dot segments resolved, `%7E` as `~`), and the origin gets the client's own bytes with only dot segments resolved, so signed URLs keep working. `rfc3986`: the origin gets the normal form too. `off`: paths are matched and sent unchanged; `/a/../admin` does not match `/admin`, although many origins read it that way.",
    ),
  slashes: word(["keep", "merge"]).default("keep").describe("Whether `//` becomes `/`."),
  escapedSlashes: word(["keep", "decode", "refuse"])
    .default("keep")
    .describe("What `%2F` becomes: `decode` for origins that read it as `/`; `refuse` answers 400."),
  backslashes: word(["refuse", "keep", "slash"])
    .optional()
    .describe(
      "What `\\` and `%5C` become: `slash` for origins that read them as `/`; `refuse` answers 400. Default: refuse; keep with `normalize: off`.",
    ),
});

const upgrade = text.refine((name) => isProtocolName(name) && !speaksHttp(name), {
  error: "must be a protocol other than HTTP, such as websocket",
});

const pace = {
  minRate: byteRate.prefault("240B/s").describe("Bytes a second, on average, after `grace`; 0B/s: no limit."),
  grace: duration.prefault("5s").describe("Time before `minRate` applies."),
  idle: durationOrNone.prefault("60s").describe("Longest time without a byte; 0ms: no limit."),
  total: durationOrNone.prefault("0ms").describe("Longest time in all; 0ms: no limit."),
};

const timeouts = fields({
  head: duration.prefault("60s").describe("Longest time for the head of a request; then 408."),
  body: fields(pace)
    .prefault({})
    .describe(
      "Request bodies, while the proxy waits for the client; a slower one gets 408. Does not apply to gRPC and tunnels.",
    ),
  response: fields(pace)
    .prefault({})
    .describe("Responses, while bytes wait for the client; a slower client is reset."),
  quiet: duration
    .prefault("5m")
    .describe(
      "Longest time without a byte in either direction while a request is under way, whoever is waited for.",
    ),
  idle: duration.prefault("1h").describe("Longest time between requests of a connection."),
});

const listener = fields({
  name: name.optional().describe("Says in metrics and logs which listener it is. Default: its address."),
  address: address.describe("Where it listens: `host:port`, `[ipv6]:port`; port 0 lets the system choose."),
  tls: tls.optional().describe("Serves https. Default: no TLS."),
  protocols: some(word(["http1", "http2"]))
    .default(["http1", "http2"])
    .describe("With TLS the client chooses (ALPN); without, HTTP/2 is for those that begin with it."),
  maxConnections: whole(1, 1_000_000)
    .default(10_000)
    .describe("Client connections at once, in each worker; further ones are closed."),
  upgrades: z
    .array(upgrade, { error: "must be a list of protocols" })
    .default(["websocket"])
    .describe(
      "Protocols for which tunnels may be opened; `connect` allows the CONNECT method. No policy sees what goes through a tunnel, so protocols that carry HTTP are never allowed.",
    ),
  maxConnectionsPerClient: whole(1, 1_000_000)
    .optional()
    .describe(
      "Connections from one client address (IPv6: from its /64) at once, in each worker; further ones are closed. Do not use behind a load balancer: all connections are its own. Default: no limit.",
    ),
  trustedProxies: some(text)
    .optional()
    .describe(
      "Addresses or networks (CIDR) whose X-Forwarded-For, X-Request-Id and so on are trusted. `::/0` contains no IPv4 address.",
    ),
  paths: paths.prefault({}).describe("How request paths are matched and sent."),
  via: z
    .union([z.literal(false), text.regex(/^[\w.:-]+$/, { error: validVia })], { error: validVia })
    .default("pagoda")
    .describe(
      "The name of this proxy in the `Via` header of requests and responses; false: no `Via`. nginx as an origin does not compress responses to requests with `Via` (`gzip_proxied` is off by default): set `gzip_proxied any` there, or false here.",
    ),
  timeouts: timeouts.prefault({}).describe("Time limits for clients."),
  policies: listenerPolicies.prefault({}).describe("What all its calls meet."),
  routes: some(route).describe("What becomes of a request."),
});

export const config = fields({
  listeners: some(listener).describe("Where clients connect."),
  clusters: z
    .record(name, cluster, { error: "must be an object of clusters by name" })
    .default({})
    .describe("Origins that do the same, by a name for them."),
  admin: fields({ address: address.prefault("127.0.0.1:9090").describe("Where it listens.") })
    .prefault({})
    .describe("Where operators look."),
  log: fields({
    level: word(logLevels).default("info").describe("The least important lines to write."),
    access: flag.default(true).describe("A line for each call that failed or was refused, with the reason."),
    accessRatio: ratio.prefault("0%").describe("The share of the other calls that get a line, too."),
  })
    .prefault({})
    .describe("Lines of JSON on standard output."),
  tracing: fields({
    endpoint: bare(z.url({ protocol: /^https?$/, error: validCollector }))
      .refine((url) => URL.parse(url)?.pathname !== "/", { error: validCollector })
      .describe("Where spans are sent to: OTLP over HTTP."),
    ratio: ratio.prefault("1%").describe("The share of the traces that begin here and are recorded."),
    service: text.min(1).default("pagoda").describe("The name of the service in spans."),
  })
    .optional()
    .describe("A span for each request, and for each try."),
  drain: fields({ timeout: duration.prefault("30s").describe("Who is not done then is cut off.") })
    .prefault({})
    .describe("How long requests in flight may take at the end, and those of a listener that goes."),
  watchdog: fields({
    timeout: patience
      .prefault("10s")
      .describe("A worker that does not answer for this long is killed and replaced."),
  })
    .prefault({})
    .describe("Replaces workers that hang."),
  workers: z
    .union([whole(1, 1_024), z.literal("all")], { error: "must be an integer from 1 to 1024, or all" })
    .default("all")
    .describe(
      "Worker processes; all: one for each core, or as many as a container's CPU quota allows, rounded up. Each further one takes about 40 MiB, besides what they share.",
    ),
});

export type Config = z.output<typeof config>;
export type ListenerConfig = Config["listeners"][number];

/** A configuration as a file says it, every default included. */
export function written(value: Config): z.input<typeof config> {
  return z.encode(config, value);
}
