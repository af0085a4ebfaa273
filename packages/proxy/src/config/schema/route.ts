import { z } from "zod";
import { corsSchema } from "./cors.ts";
import { fields, flag, name, some, text, whole, word } from "../../schema/fields.ts";
import type { PolicySchemas } from "./policies.ts";
import { bare, secret } from "../../schema/secrets.ts";

const field = fields({
  name: text.min(1).describe("Header or parameter name."),
  exact: secret(text).optional().describe("The value equals this string."),
  contains: secret(text).optional().describe("The value contains this string."),
  regex: secret(text).optional().describe("The whole value matches this regular expression."),
  present: z
    .literal(true, { error: "must be true" })
    .optional()
    .describe("The field is present, with any value."),
  absent: z.literal(true, { error: "must be true" }).optional().describe("The field is absent."),
});

const path = z.union(
  [
    text,
    fields({
      exact: text.optional().describe("The path equals this string."),
      prefix: text
        .optional()
        .describe("The path equals this prefix or is below it; `/api` does not match `/apiary`."),
      startsWith: text.optional().describe("The path begins with this text; `/api` matches `/apiary`, too."),
      pattern: text
        .optional()
        .describe("The whole path matches this pattern; a `:name` matches one segment: `/users/:id`."),
      regex: text.optional().describe("The whole path matches this regular expression."),
    }),
  ],
  {
    error:
      "must be a prefix such as /api, or { exact }, { prefix }, { startsWith }, { pattern } or { regex }",
  },
);

const match = fields({
  hosts: some(text)
    .optional()
    .describe("Hosts without port: `shop.example`, `*.shop.example` or `shop.*`. Default: any."),
  path: path
    .optional()
    .describe(
      "A path prefix, or an object with `exact`, `prefix`, `startsWith`, `pattern` or `regex`. Default: any.",
    ),
  methods: some(text).optional().describe("HTTP methods; `GET` does not imply `HEAD`. Default: any."),
  headers: some(field)
    .optional()
    .describe(
      "Header fields, all of which must match. `x-forwarded-client-cert` holds the identity from the client's certificate.",
    ),
  query: some(field).optional().describe("Query parameters, all of which must match."),
});

const headers = z.record(text, secret(text));
const edits = fields({
  set: headers.optional().describe("Fields to set, replacing any of the same name."),
  add: headers.optional().describe("Fields to append."),
  remove: some(text).optional().describe("Names of fields to remove."),
});

const redirect = fields({
  status: z
    .union([z.literal(301), z.literal(302), z.literal(303), z.literal(307), z.literal(308)], {
      error: "must be 301, 302, 303, 307 or 308",
    })
    .optional()
    .describe("Redirect status. Default: 302."),
  scheme: word(["http", "https"]).optional().describe("Default: the request's."),
  host: text.optional().describe("Default: the request's."),
  port: whole(1, 65_535)
    .optional()
    .describe("Default: the request's, or the scheme's default if `scheme` changes it."),
  path: bare(text).optional().describe("Replaces the whole path."),
  prefix: bare(text).optional().describe("Replaces the matched prefix."),
  stripQuery: flag.optional().describe("Removes the query. Default: false."),
});

const respond = fields({
  status: whole(200, 599).describe("Response status."),
  body: secret(text).optional().describe("Response body. Default: none."),
  headers: headers.optional().describe("Response header fields."),
});

const rewrite = fields({
  host: text.optional().describe("Replaces the Host of the request."),
  path: bare(text).optional().describe("Replaces the whole path."),
  prefix: bare(text).optional().describe("Replaces the matched prefix."),
  regex: fields({
    pattern: text.describe("Regular expression; every match in the path is replaced."),
    substitution: bare(text).describe("Replacement; `$1` is the first group."),
  })
    .optional()
    .describe("Replaces parts of the path."),
});

const weight = z
  .number({ error: "must be a number above 0" })
  .positive({ error: "must be a number above 0" });

/** The router itself checks all other rules for routes. */
export function route(policies: PolicySchemas["route"]) {
  return fields({
    name: name.describe("Name of the route in metrics, logs and elsewhere in this file."),
    match: z
      .union([match, some(match)], { error: "must be a match, or a list of them" })
      .optional()
      .describe("Requests that the route takes; with several matches, one is enough. Default: all."),
    cluster: name
      .optional()
      .describe(
        "Cluster that receives the requests. Exactly one of `cluster`, `clusters`, `redirect` and `respond` is required.",
      ),
    clusters: some(
      fields({
        cluster: name.describe("Cluster that receives a share of the requests."),
        weight: weight.describe("Share relative to the other weights."),
      }),
    )
      .optional()
      .describe("Splits requests among clusters by weight."),
    redirect: redirect.optional().describe("Redirects the client."),
    respond: respond.optional().describe("Responds without an origin."),
    rewrite: rewrite.optional().describe("Rewrites the request before it is forwarded."),
    requestHeaders: edits.optional().describe("Changes request header fields."),
    responseHeaders: edits.optional().describe("Changes response header fields."),
    cors: corsSchema
      .optional()
      .describe(
        "CORS of this route's responses, instead of the listener's `cors`. A preflight has the CORS of the route that the request itself would take.",
      ),
    policies: policies.prefault({}).describe("Policies for this route."),
  });
}

export type RouteConfig = z.output<ReturnType<typeof route>>;
