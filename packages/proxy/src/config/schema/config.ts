import { isProtocolName, speaksHttp } from "@pagoda/http";
import { z } from "zod";
import { address, origin } from "./address.ts";
import { cluster } from "./cluster.ts";
import { control } from "./control.ts";
import { corsSchema } from "./cors.ts";
import { fields, flag, name, some, text, whole, word } from "../../schema/fields.ts";
import { perRegistry, type PolicySchemas, policySchemas } from "./policies.ts";
import { route } from "./route.ts";
import { authorities, secretRef } from "./secret.ts";
import { store } from "./store.ts";
import type { PolicyRegistry } from "../../policies/registry.ts";
import { bare } from "../../schema/secrets.ts";
import { byteRate, duration, patience, durationOrNone, ratio } from "../../schema/units.ts";

export const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;

const validVia = "must be false, or letters, digits and ._:-";
const validCollector = "must be a URL with a path, such as http://collector:4318/v1/traces";

const certificate = z.union(
  [
    fields({
      certificate: text.min(1).describe("File with the certificate chain (PEM)."),
      key: text.min(1).describe("File with the private key (PEM)."),
    }),
    secretRef,
  ],
  { error: "must be { certificate, key }, or { secret: NAME }" },
);

const tls = fields({
  certificates: some(certificate).describe(
    "Certificates, selected by server name (SNI); the first is the default. Each is two files, or a secret: `{ secret: NAME }`.",
  ),
  minVersion: word(["TLSv1.2", "TLSv1.3"]).default("TLSv1.2").describe("Minimum TLS version."),
  ciphers: text.optional().describe("Cipher list in OpenSSL format. Default: Node's."),
  clients: fields({
    ca: authorities.describe(
      "File with the CA certificates (PEM) that verify client certificates, or a secret with them: `{ secret: NAME }`.",
    ),
    required: flag.default(true).describe("Refuses clients without a certificate."),
  })
    .optional()
    .describe("Verifies client certificates (mutual TLS)."),
  ticketSecret: text
    .min(1)
    .optional()
    .describe(
      "File with a secret of at least 32 characters, from which the keys of session tickets are derived: machines with the same secret and the same TLS settings resume each other's sessions. Default: a secret of this process.",
    ),
});

const paths = fields({
  normalize: word(["minimal", "rfc3986", "off"])
    .default("minimal")
    .describe(
      "`minimal`: routes and policies match the normal form of a path (RFC 3986, 6.2.2: dot segments resolved, `%7E` as `~`), and the origin gets the client's own bytes with only dot segments resolved, so signed URLs keep working. `rfc3986`: the origin gets the normal form too. `off`: paths are matched and sent unchanged; `/a/../admin` does not match `/admin`, although many origins read it that way.",
    ),
  slashes: word(["keep", "merge"]).default("keep").describe("`merge` turns `//` into `/`."),
  escapedSlashes: word(["keep", "decode", "refuse"])
    .default("keep")
    .describe("How to treat `%2F`: `decode` for origins that read it as `/`; `refuse` answers 400."),
  backslashes: word(["refuse", "keep", "slash"])
    .optional()
    .describe(
      "How to treat `\\` and `%5C`: `slash` for origins that read them as `/`; `refuse` answers 400. Default: refuse; keep with `normalize: off`.",
    ),
});

const upgrade = text.refine((name) => isProtocolName(name) && !speaksHttp(name), {
  error: "must be a protocol other than HTTP, such as websocket",
});

const pace = {
  minRate: byteRate.prefault("240B/s").describe("Minimum average rate after `grace`; 0B/s: no limit."),
  grace: duration.prefault("5s").describe("Time before `minRate` applies."),
  idle: durationOrNone.prefault("60s").describe("Maximum time without a byte; 0ms: no limit."),
  total: durationOrNone.prefault("0ms").describe("Maximum total time; 0ms: no limit."),
};

const timeouts = fields({
  head: duration.prefault("60s").describe("Maximum time to receive a request head, then 408."),
  body: fields(pace)
    .prefault({})
    .describe(
      "Limits for request bodies, counted while the proxy waits for the client; slower clients get 408. Not applied to gRPC and tunnels.",
    ),
  response: fields(pace)
    .prefault({})
    .describe(
      "Limits for responses, counted while bytes wait for the client; connections of slower clients are reset.",
    ),
  quiet: duration
    .prefault("5m")
    .describe("Maximum time without a byte in either direction while a request is in flight."),
  idle: duration.prefault("1h").describe("Maximum time that a connection may be idle between requests."),
});

function listener(policies: Pick<PolicySchemas, "listener" | "route">) {
  return fields({
    name: name.optional().describe("Name of the listener in metrics and logs. Default: its address."),
    address: address.describe(
      "Address to listen on: `host:port` or `[ipv6]:port`; port 0 lets the system choose.",
    ),
    tls: tls.optional().describe("Terminates TLS. Default: plain HTTP."),
    protocols: some(word(["http1", "http2"]))
      .default(["http1", "http2"])
      .describe(
        "Protocols to serve. With TLS the client chooses by ALPN; without, HTTP/2 requires prior knowledge.",
      ),
    maxConnections: whole(1, 1_000_000)
      .default(10_000)
      .describe("Maximum client connections per worker; more are closed."),
    upgrades: z
      .array(upgrade, { error: "must be a list of protocols" })
      .default(["websocket"])
      .describe(
        "Protocols that clients may upgrade to; `connect` allows the CONNECT method. Policies do not see the traffic in a tunnel, so protocols that carry HTTP are never allowed.",
      ),
    maxConnectionsPerClient: whole(1, 1_000_000)
      .optional()
      .describe(
        "Maximum connections per client address (IPv6: per /64) and worker; more are closed. Not for use behind a load balancer, which owns all connections. Default: no limit.",
      ),
    trustedProxies: some(text)
      .optional()
      .describe(
        "Addresses or networks (CIDR) whose X-Forwarded-For, X-Request-Id and similar fields are trusted. `::/0` does not include IPv4.",
      ),
    paths: paths.prefault({}).describe("How request paths are normalized, matched and forwarded."),
    via: z
      .union([z.literal(false), text.regex(/^[\w.:-]+$/, { error: validVia })], { error: validVia })
      .default("pagoda")
      .describe(
        "Name of this proxy in the `Via` header of requests and responses; false: no `Via`. An nginx origin does not compress responses to requests with `Via` (`gzip_proxied` is off by default): set `gzip_proxied any` there, or false here.",
      ),
    cors: corsSchema
      .optional()
      .describe(
        "Lets scripts of other origins read responses, including errors. Preflights are answered here. Default: no CORS headers but those of origins.",
      ),
    errors: word(["text", "problem", "negotiated"])
      .default("text")
      .describe(
        "Body of the proxy's own responses to errors: plain text, `application/problem+json` (RFC 9457), or a problem for clients that ask for JSON in `Accept` and text for all others.",
      ),
    timeouts: timeouts.prefault({}).describe("Time limits for clients."),
    policies: policies.listener.prefault({}).describe("Policies applied to every request."),
    order: word(["specific", "first"])
      .default("specific")
      .describe(
        "Which of several matching routes wins: the most `specific` one, or the `first` in the file, as in Envoy. In both, a route with a more specific host comes before others.",
      ),
    hostPorts: word(["ignore", "match"])
      .default("ignore")
      .describe(
        "How ports in requests' hosts are treated: `ignore` compares hosts without them; `match` compares the host as the client wrote it, as in Envoy, so that `shop.example` does not match `shop.example:8080`, which a route can have as its own host.",
      ),
    routes: some(route(policies.route)).describe(
      "Routes; the most specific match wins, unless `order` is `first`.",
    ),
  });
}

const validServer = "must be https://HOST:PORT";
/** Where Kubernetes mounts the credentials of a pod's service account. */
const mounted = "/var/run/secrets/kubernetes.io/serviceaccount";

const kubernetes = fields({
  server: origin
    .refine((url) => url.startsWith("https:"), { error: validServer })
    .optional()
    .describe("`https://HOST:PORT`. Default: from `KUBERNETES_SERVICE_HOST` and `KUBERNETES_SERVICE_PORT`."),
  tokenFile: text
    .min(1)
    .default(`${mounted}/token`)
    .describe("File with the bearer token, read for each request, since tokens are renewed."),
  ca: text
    .min(1)
    .default(`${mounted}/ca.crt`)
    .describe("File with the CA certificates (PEM) of the API server, read for each connection."),
});

/** The admin endpoint. */
export const admin = fields({
  address: address.prefault("127.0.0.1:9090").describe("Address to listen on."),
  tokenFile: text
    .min(1)
    .optional()
    .describe(
      "File with a token of at least 32 characters. With it, every action needs `Authorization: Bearer TOKEN`, and the live page can act. Default: no token; everybody who reaches the endpoint can act, except web pages.",
    ),
}).prefault({});

function config(policies: PolicySchemas) {
  return fields({
    plugins: some(text.min(1))
      .optional()
      .describe(
        "Modules with policies of your own, as paths relative to this file or as names of packages installed beside it. Each adds its field to `policies`. A changed module takes effect when the process is restarted or replaced.",
      ),
    listeners: z
      .array(listener(policies), { error: "must be a list" })
      .default([])
      .describe("Addresses where clients connect. Required, unless they come from a control plane."),
    clusters: z
      .record(name, cluster(policies.cluster), { error: "must be an object of clusters by name" })
      .default({})
      .describe("Groups of interchangeable origins, by name."),
    kubernetes: kubernetes
      .prefault({})
      .describe(
        "The Kubernetes API server, for clusters with `kubernetes`. By default it is that of the cluster in which the proxy runs, with the credentials of the pod's service account.",
      ),
    control: control.describe(
      "Control planes, from which clusters get their endpoints, and TLS its certificates.",
    ),
    stores: z
      .record(name, store, { error: "must be an object of stores by name" })
      .default({})
      .describe("Where limits are kept that several machines share, by name."),
    admin: admin.describe("Endpoint for operators: health, metrics, configuration."),
    log: fields({
      level: word(logLevels).default("info").describe("Minimum severity to write."),
      access: flag
        .default(true)
        .describe("Writes a line for each request that failed or was refused, with the reason."),
      accessRatio: ratio.prefault("0%").describe("Share of the other requests that are logged too."),
    })
      .prefault({})
      .describe("JSON lines on standard output."),
    recorder: fields({
      keep: whole(0, 10_000)
        .default(100)
        .describe(
          "Calls that each worker keeps in memory for each reason (failed, refused, slow, recovered by another try, sampled, unread), normally about 1 KiB each and at most 32 KiB; 0: none. Of many similar calls in a second only some are kept.",
        ),
      slow: duration.prefault("1s").describe("Time until the response head from which on a call is slow."),
      sample: ratio.prefault("0.1%").describe("Share of the other calls that are kept."),
      headers: z
        .array(text.regex(/^[!#$%&'*+.^_`|~\w-]+$/, { error: "must be the name of a header field" }), {
          error: "must be a list",
        })
        .max(8, { error: "must be a list of at most 8 names" })
        .default([])
        .describe(
          "Names of header fields of requests and responses to record. Never name one that carries a secret. Default: none.",
        ),
    })
      .prefault({})
      .describe("The flight recorder: keeps what happened to calls, for `pagoda why` and `/requests`."),
    tracing: fields({
      endpoint: bare(z.url({ protocol: /^https?$/, error: validCollector }))
        .refine((url) => URL.parse(url)?.pathname !== "/", { error: validCollector })
        .describe("Collector URL, OTLP over HTTP."),
      ratio: ratio.prefault("1%").describe("Share of traces started here that are recorded."),
      service: text.min(1).default("pagoda").describe("Service name in spans."),
    })
      .optional()
      .describe("Exports a span for each request and each try."),
    drain: fields({ timeout: duration.prefault("30s").describe("Requests that take longer are cut off.") })
      .prefault({})
      .describe("Time that requests in flight get to finish at shutdown, or when their listener is removed."),
    watchdog: fields({
      timeout: patience
        .prefault("10s")
        .describe("Time without an answer after which a worker is killed and replaced."),
    })
      .prefault({})
      .describe("Replaces workers that hang."),
    workers: z
      .union([whole(1, 1_024), z.literal("all")], { error: "must be an integer from 1 to 1024, or all" })
      .default("all")
      .describe(
        "Worker processes; `all`: one per core, or as many as the container's CPU quota allows, rounded up. Each additional worker takes about 40 MiB, besides shared memory.",
      ),
  });
}

/** The schema of the configuration file with these policies. */
export const configSchema: (policies: PolicyRegistry) => ReturnType<typeof config> = perRegistry((policies) =>
  config(policySchemas(policies)),
);

export type Config = z.output<ReturnType<typeof config>>;
/** A configuration in file format. */
export type ConfigInput = z.input<ReturnType<typeof config>>;
export type StoreConfig = Config["stores"][string];
export type ListenerConfig = Config["listeners"][number];

/** A configuration in file format, with all defaults. */
export function written(value: Config, policies: PolicyRegistry): ConfigInput {
  return z.encode(configSchema(policies), value);
}
