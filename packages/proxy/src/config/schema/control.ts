import { z } from "zod";
import { fields, flag, text, word } from "../../schema/fields.ts";
import { secret } from "../../schema/secrets.ts";
import { server } from "./address.ts";

const locality = fields({
  region: text.optional().describe("Region."),
  zone: text.optional().describe("Zone within the region."),
  subZone: text.optional().describe("Part of the zone."),
});

const node = fields({
  id: text.min(1).describe("Identifies this proxy."),
  cluster: text.optional().describe("Group of proxies that it belongs to."),
  metadata: secret(z.record(text, z.unknown(), { error: "must be an object" }))
    .optional()
    .describe("Anything else that the control plane expects of a proxy."),
  locality: locality.optional().describe("Where this proxy runs."),
});

const tls = fields({
  ca: text.min(1).optional().describe("File with the trusted CA certificates (PEM). Default: the system's."),
  certificate: text.min(1).optional().describe("File with the client certificate (PEM)."),
  key: text.min(1).optional().describe("File with the client's private key (PEM)."),
  servername: text
    .min(1)
    .optional()
    .describe("Name that the certificate must have. Default: the server's host."),
}).refine(({ certificate, key }) => (certificate === undefined) === (key === undefined), {
  error: "must have both certificate and key, or neither",
});

const protocol = word(["delta", "sotw"]);
const protocols =
  "`delta`: the control plane sends what changes; `sotw` (state of the world): all resources of a kind, whenever one changes.";

/** What may control the proxy from outside. */
export const control = fields({
  xds: fields({
    server: server.describe(
      "The control plane: `https://host:port`, `http://host:port` for HTTP/2 without TLS, or a unix socket, `unix:///path`.",
    ),
    node: node.describe("Names this proxy to the control plane, which may select endpoints by it."),
    tls: tls.optional().describe("TLS settings for an `https://` server."),
    protocol: protocol.default("delta").describe(protocols),
    listeners: flag
      .default(false)
      .describe(
        "Serves the listeners (LDS) and routes (RDS) of the control plane beside those of this file, with the clusters that the routes name.",
      ),
  })
    .optional()
    .describe("A control plane that speaks xDS v3, for clusters with `xds`, and for secrets without `sds`."),
  sds: fields({
    server: server.describe(
      "The agent: a unix socket such as `unix:///run/spire/sockets/agent.sock`, `http://host:port` or `https://host:port`.",
    ),
    node: node.describe("Names this proxy to the agent, which may select secrets by it."),
    tls: tls.optional().describe("TLS settings for an `https://` server."),
    protocol: protocol.default("sotw").describe(`${protocols} SPIRE's agent speaks only \`sotw\`.`),
  })
    .optional()
    .describe(
      "An agent that serves secrets alone (SDS), such as SPIRE's: certificates with their keys, and CA certificates, named by `secret` in TLS settings. Default: the aggregated stream of `xds`.",
    ),
}).prefault({});

export type XdsConfig = NonNullable<z.output<typeof control>["xds"]>;
