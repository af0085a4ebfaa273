import { validSan } from "@pagoda/http";
import { z } from "zod";
import { isDnsServer, validOrigin } from "../address.ts";
import { origin } from "./address.ts";
import { fields, flag, some, text, whole, word } from "../../schema/fields.ts";
import { clusterPolicies } from "./policies.ts";
import { bare } from "../../schema/secrets.ts";
import { duration, durationOrNone, ratio } from "../../schema/units.ts";

const endpoint = z.union(
  [
    origin,
    fields({
      url: origin.describe("The origin: `http://host:port` or `https://host:port`."),
      weight: z
        .number({ error: "must be a number above 0" })
        .positive({ error: "must be a number above 0" })
        .optional()
        .describe("How many calls it gets beside the others'. Default 1."),
    }),
  ],
  {
    error: `must be ${validOrigin}, or { url, weight }`,
  },
);

const scheme = word(["http", "https"]).default("http").describe("Of all endpoints that are found.");

const servers = some(
  text.refine(isDnsServer, { error: "must be the IP address of a DNS server, or IP:PORT, [IPV6]:PORT" }),
)
  .optional()
  .describe("DNS servers that are asked: `127.0.0.1:8600`. Default: the system's.");

const dns = fields({
  host: text
    .min(1)
    .describe(
      "The name whose addresses (A and AAAA) are the endpoints, asked for again as their TTL says. The DNS is asked for it as it stands here: no search domains, no hosts file.",
    ),
  port: whole(1, 65_535).describe("Of all of them."),
  scheme,
  servers,
});

const srv = fields({
  name: text.min(1).describe("The name whose SRV records are the endpoints: `_http._tcp.shop.example`."),
  scheme,
  servers,
});

const hashed = fields({
  strategy: word(["ring-hash", "maglev"]).describe(
    "How keys go to endpoints: both move few of them when one comes or goes.",
  ),
  key: z
    .union(
      [
        word(["address", "identity", "path"]),
        fields({ header: text.min(1).describe("The name of a header field.") }),
      ],
      {
        error: "must be address, identity, path, or { header: NAME }",
      },
    )
    .describe("What decides: calls of the same key go to the same endpoint."),
});

const balance = z.union(
  [word(["round-robin", "weighted-round-robin", "random", "least-request", "peak-ewma"]), hashed],
  {
    error:
      "must be round-robin, weighted-round-robin, random, least-request, peak-ewma, or { strategy: ring-hash or maglev, key }",
  },
);

const checkTimes = {
  interval: duration.prefault("10s").describe("From one check of an endpoint to the next."),
  timeout: duration.prefault("5s").describe("A check that takes longer has failed."),
  healthyThreshold: whole(1, 100).default(2).describe("Checks in a row that make an endpoint fit again."),
  unhealthyThreshold: whole(1, 100).default(3).describe("Failed checks in a row that make it unfit."),
};

const check = z.discriminatedUnion(
  "type",
  [
    fields({
      type: z.literal("http").describe("A GET, and its status."),
      path: bare(text)
        .regex(/^\/[!-~]*$/, { error: "must be a path as it is sent: / first, without spaces" })
        .default("/")
        .describe("Where it is asked."),
      host: text.optional().describe("The Host that is asked for. Default: the endpoint's."),
      expectedStatus: some(whole(100, 599)).default([200]).describe("What says that it is well."),
      ...checkTimes,
    }),
    fields({ type: z.literal("tcp").describe("A connection."), ...checkTimes }),
    fields({
      type: z.literal("grpc").describe("gRPC's health checking protocol."),
      service: text.optional().describe("The service that is asked for. Default: the server as a whole."),
      ...checkTimes,
    }),
  ],
  { error: "must be { type: http, tcp or grpc }" },
);

const outliers = fields({
  consecutiveFailures: whole(1, 100_000).default(5).describe("Failures in a row that eject an endpoint."),
  interval: duration.prefault("10s").describe("How often those that are ejected are looked at."),
  ejection: duration
    .prefault("30s")
    .describe("How long the first ejection lasts; grows with each further one."),
  maxEjection: duration.prefault("300s").describe("How long one lasts at most."),
  maxEjected: ratio
    .prefault("10%")
    .describe("The share of endpoints that may be ejected at once; one always may."),
});

const sanText = text.regex(/^(?:\*?[^*]+|[^*]+\*)$/, {
  error: "must be a name with a * at most as its first or last character",
});

const san = z.union(
  [
    fields({ uri: sanText.describe("One of its URIs: `spiffe://mesh/ns/shop/sa/orders`.") }),
    fields({ dns: sanText.describe("One of its DNS names: `orders.internal`.") }),
  ],
  { error: `must be ${validSan}` },
);

const upstreamTls = fields({
  ca: text.optional().describe("File with the certificates (PEM) of the authorities that are trusted."),
  certificate: text.optional().describe("File with the client's certificate (PEM)."),
  key: text.optional().describe("File with the client's key (PEM)."),
  servername: text
    .optional()
    .describe("The name that the certificate must show, and the SNI. Default: the endpoint's host."),
  sans: some(san)
    .optional()
    .describe(
      "Names of which the certificate must show one, instead of the host: SPIFFE ids, DNS names. A `*` at the start or the end matches any text.",
    ),
  verify: flag
    .default(true)
    .describe(
      "Whether the origin's certificate must be right. False only where something else vouches for the network.",
    ),
})
  .refine(({ certificate, key }) => (certificate === undefined) === (key === undefined), {
    error: "must have both certificate and key, or neither",
  })
  .refine(({ sans, verify }) => sans === undefined || verify, {
    path: ["sans"],
    error: "requires `verify`: without it nobody looks at the certificate",
  });

const pool = fields({
  maxConnections: whole(1, 1_000_000).default(1_024).describe("Calls at once to each endpoint."),
  connectTimeout: duration.prefault("5s").describe("For a connection to come about, TLS included."),
  idleTimeout: durationOrNone.prefault("300s").describe("Without a byte of the response's body."),
  keepAlive: duration.prefault("4s").describe("How long an unused connection is kept."),
  ping: durationOrNone
    .prefault("10s")
    .describe(
      "HTTP/2 only: sends a PING after this long without a byte while calls are under way, and closes the connection if there is no answer for as long again. 0ms: never.",
    ),
});

export const cluster = fields({
  endpoints: some(endpoint).optional().describe("The origins, one by one. Or one of the three below."),
  dns: dns.optional().describe("The addresses of a name."),
  srv: srv
    .optional()
    .describe("The SRV records of a name. Their weights count with any balance but round-robin."),
  file: text
    .min(1)
    .optional()
    .describe(
      'A JSON file with the endpoints, watched: `[{ "key": "http://10.0.0.1:8080", "weight": 2 }]`, where `weight` defaults to 1. An invalid entry is left out and logged; if no entry is valid, the last list stays.',
    ),
  protocol: word(["http1", "http2"])
    .default("http1")
    .describe("http2 over plain endpoints is by prior knowledge."),
  tls: upstreamTls.optional().describe("Of `https://` endpoints."),
  balance: balance.default("round-robin").describe("How one of the endpoints is chosen for a call."),
  slowStart: duration
    .optional()
    .describe("For so long a new endpoint gets fewer calls, and ever more. Default: none."),
  check: check.optional().describe("Active checks."),
  outliers: outliers.optional().describe("Ejection of endpoints whose calls go worse than the others'."),
  panicThreshold: ratio
    .prefault("50%")
    .describe("With a smaller share of healthy endpoints, health is ignored."),
  pool: pool.prefault({}).describe("Connections to each endpoint."),
  policies: clusterPolicies
    .prefault({})
    .describe("What stands around the cluster, and around each endpoint."),
}).refine(
  ({ endpoints, dns, srv, file }) =>
    [endpoints, dns, srv, file].filter((one) => one !== undefined).length === 1,
  { error: "must have exactly one of endpoints, dns, srv and file" },
);

export type ClusterConfig = z.output<typeof cluster>;
