import { z } from "zod";
import { fields, flag, name, some, text, whole, word } from "../../schema/fields.ts";
import { routePolicies } from "./policies.ts";
import { bare, secret } from "../../schema/secrets.ts";

const field = fields({
  name: text.min(1).describe("Its name."),
  exact: secret(text).optional().describe("Its value is this."),
  contains: secret(text).optional().describe("Its value has this in it."),
  regex: secret(text).optional().describe("Its value as a whole matches this."),
  present: z.literal(true, { error: "must be true" }).optional().describe("It is there, whatever its value."),
  absent: z.literal(true, { error: "must be true" }).optional().describe("It is not there."),
});

const path = z.union(
  [
    text,
    fields({
      exact: text.optional().describe("The path is this."),
      prefix: text.optional().describe("The path is this, or below it: `/api` is not `/apiary`."),
      regex: text.optional().describe("The path as a whole matches this."),
    }),
  ],
  {
    error: "must be a prefix such as /api, or { exact }, { prefix } or { regex }",
  },
);

const match = fields({
  hosts: some(text).optional().describe("`shop.example`, or `*.shop.example`. Without port. Default: any."),
  path: path.optional().describe("A prefix, or one of three. Default: any."),
  methods: some(text).optional().describe("`GET`. It does not stand for `HEAD`. Default: any."),
  headers: some(field)
    .optional()
    .describe(
      "Header fields, all of which must be so. Who the client is by its certificate stands in `x-forwarded-client-cert`.",
    ),
  query: some(field).optional().describe("Parameters of the query, all of which must be so."),
});

const headers = z.record(text, secret(text));
const edits = fields({
  set: headers.optional().describe("Names and values: there is one field of each name then."),
  add: headers.optional().describe("Names and values of further fields."),
  remove: some(text).optional().describe("Names of fields that are left out."),
});

const redirect = fields({
  status: z
    .union([z.literal(301), z.literal(302), z.literal(303), z.literal(307), z.literal(308)], {
      error: "must be 301, 302, 303, 307 or 308",
    })
    .optional()
    .describe("Default 302."),
  scheme: word(["http", "https"]).optional().describe("Default: the request's."),
  host: text.optional().describe("Default: the request's."),
  port: whole(1, 65_535).optional().describe("Default: the request's, or the scheme's where that changes."),
  path: bare(text).optional().describe("In place of the whole path."),
  prefix: bare(text).optional().describe("In place of the prefix that matched."),
  stripQuery: flag.optional().describe("Leaves out the query. Default: false."),
});

const respond = fields({
  status: whole(200, 599).describe("Of the response."),
  body: secret(text).optional().describe("Its text. Default: none."),
  headers: headers.optional().describe("Its fields: names and values."),
});

const rewrite = fields({
  host: text.optional().describe("In place of the Host that was asked for."),
  path: bare(text).optional().describe("In place of the whole path."),
  prefix: bare(text).optional().describe("In place of the prefix that matched."),
  regex: fields({
    pattern: text.describe("What is replaced in the path, each time that it is there."),
    substitution: bare(text).describe("What comes in its place; `$1` is the first group."),
  })
    .optional()
    .describe("In place of parts of the path."),
});

const weight = z
  .number({ error: "must be a number above 0" })
  .positive({ error: "must be a number above 0" });

/** The rest of what must hold of routes the router says itself. */
export const route = fields({
  name: name.describe("Says in metrics, logs and other parts of the file which route it is."),
  match: z
    .union([match, some(match)], { error: "must be a match, or a list of them" })
    .optional()
    .describe(
      "Which requests it is for; of several matches one is enough. Default: all. The most specific route wins.",
    ),
  cluster: name.optional().describe("Where its calls go. Or one of the three below."),
  clusters: some(
    fields({
      cluster: name.describe("Where a share of the calls goes."),
      weight: weight.describe("How large that is, beside the others'."),
    }),
  )
    .optional()
    .describe("Where its calls go, by shares."),
  redirect: redirect.optional().describe("Sends clients elsewhere."),
  respond: respond.optional().describe("Answers by itself."),
  rewrite: rewrite.optional().describe("What the origin is asked for instead."),
  requestHeaders: edits.optional().describe("Changes the fields of requests."),
  responseHeaders: edits.optional().describe("Changes the fields of responses."),
  policies: routePolicies.prefault({}).describe("What its calls meet."),
});

export type RouteConfig = z.output<typeof route>;
