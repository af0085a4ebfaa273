import { z } from "zod";
import { fields, text } from "../../schema/fields.ts";

/** The name of a secret of a control plane. */
export const secretName = text.min(1);

/** A secret instead of a file. */
export const secretRef = fields({
  secret: secretName.describe("Name of the secret: see `control.sds`."),
});

/** Trusted CA certificates: a file, or a secret. */
export const authorities = z.union([text.min(1), secretRef], {
  error: "must be a file, or { secret: NAME }",
});
