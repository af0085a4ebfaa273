import { z } from "zod";
import { fields, flag, name, some, text, whole, word } from "./fields.ts";
import { routePolicies } from "./policies.ts";

const fieldTest = {
  name: text.min(1),
  exact: text.optional(),
  contains: text.optional(),
  regex: text.optional(),
  present: z.literal(true).optional(),
  absent: z.literal(true).optional(),
};
const field = fields(fieldTest);

const path = z.union(
  [text, fields({ exact: text.optional(), prefix: text.optional(), regex: text.optional() })],
  {
    error: "valid is a prefix such as /api, or { exact }, { prefix } or { regex }",
  },
);

const match = fields({
  hosts: some(text).optional(),
  path: path.optional(),
  methods: some(text).optional(),
  headers: some(field).optional(),
  query: some(field).optional(),
});

const headers = z.record(text, text);
const edits = fields({
  set: headers.optional(),
  add: headers.optional(),
  remove: some(text).optional(),
});

const redirect = fields({
  status: z
    .union([z.literal(301), z.literal(302), z.literal(303), z.literal(307), z.literal(308)], {
      error: "valid is 301, 302, 303, 307 or 308",
    })
    .optional(),
  scheme: word(["http", "https"]).optional(),
  host: text.optional(),
  port: whole(1, 65_535).optional(),
  path: text.optional(),
  prefix: text.optional(),
  stripQuery: flag.optional(),
});

const respond = fields({
  status: whole(200, 599),
  body: text.optional(),
  headers: headers.optional(),
});

const rewrite = fields({
  host: text.optional(),
  path: text.optional(),
  prefix: text.optional(),
  regex: fields({ pattern: text, substitution: text }).optional(),
});

const weight = z
  .number({ error: "valid is a number over 0" })
  .positive({ error: "valid is a number over 0" });

/** The rest of what must hold of routes the router says itself. */
export const route = fields({
  name,
  match: z.union([match, some(match)], { error: "valid is a match, or a list of them" }).optional(),
  cluster: name.optional(),
  clusters: some(fields({ cluster: name, weight })).optional(),
  redirect: redirect.optional(),
  respond: respond.optional(),
  rewrite: rewrite.optional(),
  requestHeaders: edits.optional(),
  responseHeaders: edits.optional(),
  policies: routePolicies.prefault({}),
});

export type RouteConfig = z.output<typeof route>;
