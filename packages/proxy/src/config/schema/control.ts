import { z } from "zod";
import { fields, text, word } from "../../schema/fields.ts";
import { secret } from "../../schema/secrets.ts";
import { origin } from "./address.ts";

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

/** What may control the proxy from outside. */
export const control = fields({
  xds: fields({
    server: origin.describe(
      "The control plane: `https://host:port`, or `http://host:port` for HTTP/2 without TLS.",
    ),
    node: node.describe("Names this proxy to the control plane, which may select endpoints by it."),
    tls: tls.optional().describe("TLS settings for an `https://` server."),
    protocol: word(["delta", "sotw"])
      .default("delta")
      .describe(
        "`delta`: the control plane sends what changes; `sotw` (state of the world): all resources of a kind, whenever one changes.",
      ),
  })
    .optional()
    .describe("A control plane that speaks xDS v3, for clusters with `xds`."),
}).prefault({});

export type XdsConfig = NonNullable<z.output<typeof control>["xds"]>;
