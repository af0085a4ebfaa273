import { isRedisUrl, validRedisUrl } from "../address.ts";
import { fields, some, text, word } from "../../schema/fields.ts";
import { bare } from "../../schema/secrets.ts";
import { duration } from "../../schema/units.ts";

const server = bare(text.refine(isRedisUrl, { error: `must be ${validRedisUrl}` }));

/** Where limits are kept that several machines share. */
export const store = fields({
  redis: some(server).describe(
    "URL of the server, `redis://host:port` or with TLS `rediss://host:port`; of the sentinels; or of some nodes of the cluster.",
  ),
  mode: word(["single", "sentinel", "cluster"]).default("single").describe("Kind of these servers."),
  master: text
    .min(1)
    .optional()
    .describe("Name of the master that the sentinels watch, with `mode: sentinel`."),
  username: text.min(1).optional().describe("User to log in as. Default: Redis's default user."),
  passwordFile: text.min(1).optional().describe("File with the password, in one line."),
  secretFile: text
    .min(1)
    .optional()
    .describe(
      "File with a secret, the same on all machines, with which the keys of clients are hashed. Default: the password, or none.",
    ),
  tls: fields({
    ca: text
      .min(1)
      .optional()
      .describe("File with the CA certificates (PEM) that verify the server. Default: Node's CAs."),
    certificate: text.min(1).optional().describe("File with the client certificate chain (PEM)."),
    key: text.min(1).optional().describe("File with the private key of that certificate (PEM)."),
    servername: text
      .min(1)
      .optional()
      .describe("Name that the server's certificate must have. Default: its host."),
  })
    .refine(({ certificate, key }) => (certificate === undefined) === (key === undefined), {
      error: "must have both certificate and key, or neither",
    })
    .optional()
    .describe("TLS with the server. Default: verified with Node's CAs."),
  timeout: duration
    .refine((ms) => ms <= 60_000, { error: "must be a duration from 1ms to 60s" })
    .prefault("50ms")
    .describe("Maximum time for an answer; then the limits that use the store are decided locally."),
});
