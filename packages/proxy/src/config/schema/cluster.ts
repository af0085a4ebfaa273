import { z } from "zod";
import { origin, validOrigin } from "./address.ts";
import { fields, flag, some, text, whole, word } from "./fields.ts";
import { clusterPolicies } from "./policies.ts";
import { duration, durationOrNone, ratio } from "./units.ts";

const endpoint = z.union([origin, fields({ url: origin, weight: z.number().positive().optional() })], {
  error: `valid is ${validOrigin}, or { url, weight }`,
});

const dns = fields({
  host: text.min(1),
  port: whole(1, 65_535),
  scheme: word(["http", "https"]).default("http"),
});

const srv = fields({ name: text.min(1), scheme: word(["http", "https"]).default("http") });

const hashed = fields({
  strategy: word(["ring-hash", "maglev"]),
  key: z.union([word(["address", "identity", "path"]), fields({ header: text.min(1) })], {
    error: "valid is address, identity, path, or { header: NAME }",
  }),
});

const balance = z.union(
  [word(["round-robin", "weighted-round-robin", "random", "least-request", "peak-ewma"]), hashed],
  {
    error:
      "valid is round-robin, weighted-round-robin, random, least-request, peak-ewma, or { strategy: ring-hash or maglev, key }",
  },
);

const checkTimes = {
  interval: duration.default(10_000),
  timeout: duration.default(5_000),
  healthyThreshold: whole(1, 100).default(2),
  unhealthyThreshold: whole(1, 100).default(3),
};

const check = z.discriminatedUnion(
  "type",
  [
    fields({
      type: z.literal("http"),
      path: text.startsWith("/").default("/"),
      host: text.optional(),
      expectedStatus: some(whole(100, 599)).default([200]),
      ...checkTimes,
    }),
    fields({ type: z.literal("tcp"), ...checkTimes }),
    fields({ type: z.literal("grpc"), service: text.optional(), ...checkTimes }),
  ],
  { error: "valid is { type: http, tcp or grpc }" },
);

const outliers = fields({
  consecutiveFailures: whole(1, 100_000).default(5),
  interval: duration.default(10_000),
  ejection: duration
    .default(30_000)
    .describe("How long the first ejection lasts; grows with each further one."),
  maxEjection: duration.default(300_000),
  maxEjected: ratio
    .default(0.1)
    .describe("The share of endpoints that may be ejected at once; one always may."),
});

const upstreamTls = fields({
  ca: text.optional().describe("File with the certificates (PEM) of the authorities that are trusted."),
  certificate: text.optional().describe("File with the client's certificate (PEM)."),
  key: text.optional().describe("File with the client's key (PEM)."),
  servername: text
    .optional()
    .describe("The name that the certificate must show. Default: the endpoint's host."),
  verify: flag.default(true),
}).refine(({ certificate, key }) => (certificate === undefined) === (key === undefined), {
  error: "valid is certificate and key together, or neither",
});

const pool = fields({
  maxConnections: whole(1, 1_000_000).default(1_024).describe("Calls at once to each endpoint."),
  connectTimeout: duration.default(5_000),
  idleTimeout: durationOrNone.default(300_000).describe("Without a byte of the response's body."),
  keepAlive: duration.default(4_000).describe("How long an unused connection is kept."),
});

export const cluster = fields({
  endpoints: some(endpoint).optional(),
  dns: dns.optional(),
  srv: srv.optional(),
  file: text.min(1).optional().describe("A JSON file with the endpoints, watched."),
  protocol: word(["http1", "http2"])
    .default("http1")
    .describe("http2 over plain endpoints is by prior knowledge."),
  tls: upstreamTls.optional(),
  balance: balance.default("round-robin"),
  slowStart: duration.optional(),
  check: check.optional().describe("Active checks."),
  outliers: outliers.optional().describe("Ejection of endpoints whose calls go worse than the others'."),
  panicThreshold: ratio
    .default(0.5)
    .describe("With a smaller share of healthy endpoints, health is ignored."),
  pool: pool.prefault({}),
  policies: clusterPolicies.prefault({}),
}).refine(
  ({ endpoints, dns, srv, file }) =>
    [endpoints, dns, srv, file].filter((one) => one !== undefined).length === 1,
  { error: "valid is exactly one of endpoints, dns, srv and file" },
);

export type ClusterConfig = z.output<typeof cluster>;
