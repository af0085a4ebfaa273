import { originProblem } from "@pagoda/cors";
import { isToken } from "@pagoda/http/grammar";
import { z } from "zod";
import { fields, flag, some, text } from "../../schema/fields.ts";
import { durationOrNone } from "../../schema/units.ts";

const validOrigins =
  'must be "*", or a list of origins such as https://app.example or https://*.app.example, without paths';

const origin = text.refine((origin) => originProblem(origin) === undefined, {
  error: "must be an origin such as https://app.example or https://*.app.example, without a path",
});
const token = text.refine(isToken, { error: "must be a method or the name of a header" });

/** Which scripts of other origins may read responses of a listener or a route. */
export const corsSchema = fields({
  origins: z
    .union([z.literal("*"), some(origin)], { error: validOrigins })
    .describe(
      "Origins whose scripts may read responses: a list, or `*` for all. `https://*.app.example` matches all names below app.example.",
    ),
  methods: some(token)
    .optional()
    .describe("Methods that scripts may use. Default: GET, HEAD, POST, PUT, PATCH, DELETE."),
  headers: some(token)
    .optional()
    .describe("Request headers that scripts may set. Default: all that they ask for."),
  exposedHeaders: some(token)
    .optional()
    .describe("Response headers that scripts may read besides the safelisted ones. Default: none."),
  credentials: flag
    .default(false)
    .describe("Whether browsers may send cookies and other credentials; not with `*`."),
  maxAge: durationOrNone
    .optional()
    .describe("How long browsers may cache the answer to a preflight. Default: theirs, 5s."),
}).refine(
  ({ origins, methods = [], headers = [], exposedHeaders = [], credentials }) =>
    !credentials || (origins !== "*" && ![...methods, ...headers, ...exposedHeaders].includes("*")),
  { path: ["credentials"], error: "must be false with *, which browsers reject or take literally" },
);
