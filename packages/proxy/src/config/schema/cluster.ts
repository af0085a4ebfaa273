import { validSan } from "@pagoda/http";
import { z } from "zod";
import { isDnsServer, validOrigin } from "../address.ts";
import { origin, proxy } from "./address.ts";
import { fields, flag, some, text, whole, word } from "../../schema/fields.ts";
import type { PolicySchemas } from "./policies.ts";
import { authorities, secretName } from "./secret.ts";
import { bare } from "../../schema/secrets.ts";
import { duration, durationOrNone, ratio } from "../../schema/units.ts";

const endpoint = z.union(
  [
    origin,
    fields({
      url: origin.describe("Origin: `http://host:port` or `https://host:port`."),
      weight: z
        .number({ error: "must be a number above 0" })
        .positive({ error: "must be a number above 0" })
        .optional()
        .describe("Share of calls relative to the other weights. Default: 1."),
    }),
  ],
  {
    error: `must be ${validOrigin}, or { url, weight }`,
  },
);

const scheme = word(["http", "https"]).default("http").describe("Scheme of all discovered endpoints.");

const servers = some(
  text.refine(isDnsServer, { error: "must be the IP address of a DNS server, or IP:PORT, [IPV6]:PORT" }),
)
  .optional()
  .describe("DNS servers, such as `127.0.0.1:8600`. Default: the system's.");

const dns = fields({
  host: text
    .min(1)
    .describe(
      "Name whose addresses (A and AAAA) are the endpoints, resolved again when their TTL expires. Queried as written, without search domains or hosts file.",
    ),
  port: whole(1, 65_535).describe("Port of all endpoints."),
  scheme,
  servers,
});

const srv = fields({
  name: text.min(1).describe("Name whose SRV records are the endpoints, such as `_http._tcp.shop.example`."),
  scheme,
  servers,
});

const kubernetesName = text.regex(/^[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?$/, {
  error: "must be 1 to 63 lower-case letters, digits and hyphens, with a letter or digit at both ends",
});

const kubernetes = fields({
  service: kubernetesName.describe("Name of the Kubernetes service."),
  namespace: kubernetesName.describe("Its namespace."),
  port: z
    .union([kubernetesName, whole(1, 65_535)], {
      error: "must be the name of a port, or an integer from 1 to 65535",
    })
    .describe(
      "Name of the service's port, or the number on which the pods listen (`targetPort`): calls go to the pods, not through the service's own address.",
    ),
  scheme,
});

const hashed = fields({
  strategy: word(["ring-hash", "maglev"]).describe(
    "Consistent hashing algorithm; both move few keys when an endpoint comes or goes.",
  ),
  key: z
    .union(
      [word(["address", "identity", "path"]), fields({ header: text.min(1).describe("Header field name.") })],
      {
        error: "must be address, identity, path, or { header: NAME }",
      },
    )
    .describe("Hash key: calls with the same key go to the same endpoint."),
});

const balance = z.union(
  [word(["round-robin", "weighted-round-robin", "random", "least-request", "peak-ewma"]), hashed],
  {
    error:
      "must be round-robin, weighted-round-robin, random, least-request, peak-ewma, or { strategy: ring-hash or maglev, key }",
  },
);

const checkTimes = {
  interval: duration.prefault("10s").describe("Time between checks of an endpoint."),
  timeout: duration.prefault("5s").describe("Time after which a check has failed."),
  healthyThreshold: whole(1, 100)
    .default(2)
    .describe("Consecutive successful checks that make an endpoint healthy."),
  unhealthyThreshold: whole(1, 100).default(3).describe("Consecutive failed checks that make it unhealthy."),
};

const check = z.discriminatedUnion(
  "type",
  [
    fields({
      type: z.literal("http").describe("Sends a GET request and checks the status."),
      path: bare(text)
        .regex(/^\/[!-~]*$/, { error: "must be a path as it is sent: / first, without spaces" })
        .default("/")
        .describe("Request path."),
      host: text.optional().describe("Host of the request. Default: the endpoint's."),
      expectedStatus: some(whole(100, 599)).default([200]).describe("Statuses of a healthy endpoint."),
      ...checkTimes,
    }),
    fields({ type: z.literal("tcp").describe("Opens a connection."), ...checkTimes }),
    fields({
      type: z.literal("grpc").describe("Uses the gRPC health checking protocol."),
      service: text.optional().describe("Service to ask about. Default: the whole server."),
      ...checkTimes,
    }),
  ],
  { error: "must be { type: http, tcp or grpc }" },
);

const outliers = fields({
  consecutiveFailures: whole(1, 100_000).default(5).describe("Consecutive failures that eject an endpoint."),
  interval: duration.prefault("10s").describe("How often ejected endpoints are reconsidered."),
  ejection: duration.prefault("30s").describe("Duration of the first ejection; grows with each further one."),
  maxEjection: duration.prefault("300s").describe("Maximum duration of an ejection."),
  maxEjected: ratio
    .prefault("10%")
    .describe("Maximum share of endpoints ejected at once; one may always be."),
});

const sanText = text.regex(/^(?:\*?[^*]+|[^*]+\*)$/, {
  error: "must be a name with a * at most as its first or last character",
});

const san = z.union(
  [
    fields({ uri: sanText.describe("A URI name: `spiffe://mesh/ns/shop/sa/orders`.") }),
    fields({ dns: sanText.describe("A DNS name: `orders.internal`.") }),
  ],
  { error: `must be ${validSan}` },
);

const upstreamTls = fields({
  ca: authorities
    .optional()
    .describe("File with the trusted CA certificates (PEM), or a secret with them: `{ secret: NAME }`."),
  certificate: text.optional().describe("File with the client certificate (PEM)."),
  key: text.optional().describe("File with the client's private key (PEM)."),
  secret: secretName
    .optional()
    .describe("Secret with the client certificate and its key, instead of files: see `control.sds`."),
  servername: text
    .optional()
    .describe("Name that the certificate must have, also sent as SNI. Default: the endpoint's host."),
  sans: some(san)
    .optional()
    .describe(
      "Subject alternative names (SPIFFE ids, DNS names), one of which the certificate must have, instead of the host. A `*` at the start or the end matches any text.",
    ),
  verify: flag
    .default(true)
    .describe("Verifies the origin's certificate. Set to false only on networks that are secured otherwise."),
})
  .refine(({ certificate, key }) => (certificate === undefined) === (key === undefined), {
    error: "must have both certificate and key, or neither",
  })
  .refine(({ certificate, secret }) => certificate === undefined || secret === undefined, {
    path: ["secret"],
    error: "must be absent with certificate and key",
  })
  .refine(({ sans, verify }) => sans === undefined || verify, {
    path: ["sans"],
    error: "requires `verify`: without it nobody looks at the certificate",
  });

const pool = fields({
  maxConnections: whole(1, 1_000_000)
    .default(1_024)
    .describe("Maximum calls in flight per endpoint and worker."),
  connectTimeout: duration.prefault("5s").describe("Maximum time to connect, including the TLS handshake."),
  idleTimeout: durationOrNone.prefault("300s").describe("Maximum time without a byte of the response body."),
  keepAlive: duration.prefault("4s").describe("How long an idle connection is kept."),
  ping: durationOrNone
    .prefault("10s")
    .describe(
      "HTTP/2 only: sends a PING after this long without a byte while calls are in flight, and closes the connection if there is no answer for as long again. 0ms: never.",
    ),
});

export function cluster(policies: PolicySchemas["cluster"]) {
  return fields({
    endpoints: some(endpoint)
      .optional()
      .describe(
        "Static list of origins. Exactly one of `endpoints`, `dns`, `srv`, `kubernetes`, `xds` and `file` is required.",
      ),
    dns: dns.optional().describe("Discovers endpoints from the addresses of a DNS name."),
    srv: srv
      .optional()
      .describe(
        "Discovers endpoints from SRV records. Their weights apply to every balance but round-robin.",
      ),
    kubernetes: kubernetes
      .optional()
      .describe(
        "Discovers the pods of a Kubernetes service from its EndpointSlices, as they change. See the top-level `kubernetes`.",
      ),
    xds: text
      .min(1)
      .optional()
      .describe(
        "Name of a cluster of the control plane (see `control.xds`), which assigns its endpoints. With `tls` they are called over HTTPS.",
      ),
    file: text
      .min(1)
      .optional()
      .describe(
        'A watched JSON file with the endpoints: `[{ "key": "http://10.0.0.1:8080", "weight": 2 }]`, where `weight` defaults to 1. Invalid entries are left out and logged; if no entry is valid, the last list stays.',
      ),
    protocol: word(["http1", "http2"])
      .default("http1")
      .describe("Protocol to the origins; over plain `http://` endpoints, http2 uses prior knowledge."),
    client: word(["transport", "undici"])
      .default("transport")
      .describe(
        "HTTP client. `undici` can call through an HTTP proxy, but only over HTTP/1.1, and it opens no tunnels (upgrades, `CONNECT`); `transport` costs less.",
      ),
    proxy: proxy
      .optional()
      .describe(
        "URL of an HTTP proxy through which the endpoints are called and checked, such as `http://user:password@proxy:3128`; requires `client: undici`. It opens a tunnel for an `https://` endpoint. An `http://` endpoint gets its own authority as `Host`. Default: none.",
      ),
    tls: upstreamTls.optional().describe("TLS settings for `https://` endpoints."),
    balance: balance.default("round-robin").describe("Load balancing strategy."),
    slowStart: duration
      .optional()
      .describe("Time over which a new endpoint's share of calls grows to its full size. Default: none."),
    check: check.optional().describe("Active health checks."),
    outliers: outliers.optional().describe("Outlier detection: ejects endpoints that fail."),
    panicThreshold: ratio
      .prefault("50%")
      .describe("Panic threshold: with a smaller share of healthy endpoints, health is ignored."),
    pool: pool.prefault({}).describe("Connections per endpoint."),
    policies: policies.prefault({}).describe("Policies for the cluster and its endpoints."),
  }).refine(
    ({ endpoints, dns, srv, kubernetes, xds, file }) =>
      [endpoints, dns, srv, kubernetes, xds, file].filter((one) => one !== undefined).length === 1,
    { error: "must have exactly one of endpoints, dns, srv, kubernetes, xds and file" },
  );
}

export type ClusterConfig = z.output<ReturnType<typeof cluster>>;
