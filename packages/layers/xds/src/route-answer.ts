import { mustBe } from "@pagoda/core";
import type { DirectResponseAction, RedirectAction } from "./generated/route_pb.ts";
import { prefixOr } from "./route-action.ts";
import type { XdsMatch } from "./route-match.ts";
import { fieldName, skippedFields } from "./unknown-fields.ts";

export interface Redirect {
  readonly status: number;
  readonly scheme?: string;
  readonly host?: string;
  readonly port?: number;
  readonly path?: string;
  readonly prefix?: string;
  readonly stripQuery?: boolean;
}

export interface DirectResponse {
  readonly status: number;
  readonly body?: string;
}

const none = { ignored: {}, refused: {} };
const statuses = [301, 302, 303, 307, 308];

/** Translates a redirect. */
export function redirectOf(
  message: RedirectAction,
  match: XdsMatch,
  at: string,
  problems: string[],
): Redirect {
  skippedFields(message.$unknown, none, at, problems);
  const { hostRedirect: host, portRedirect: port, responseCode, stripQuery } = message;
  const { pathRewriteSpecifier: path, schemeRewriteSpecifier: scheme } = message;
  if (path.case === "regexRewrite") problems.push(`${at}regex_rewrite must be absent`);
  const status = statuses[responseCode];
  if (status === undefined) problems.push(mustBe(`${at}response_code`, "from 0 to 4", responseCode));
  return {
    status: status ?? 301,
    ...(scheme.case === "httpsRedirect" && scheme.value && { scheme: "https" }),
    ...(scheme.case === "schemeRedirect" && { scheme: scheme.value }),
    ...(host !== "" && { host }),
    ...(port !== 0 && { port }),
    ...(path.case === "pathRedirect" && path.value !== "" && { path: path.value }),
    ...(path.case === "prefixRewrite" && path.value !== "" && prefixOr(path.value, match)),
    ...(stripQuery && { stripQuery }),
  };
}

/** Translates a direct response. */
export function directResponseOf(
  message: DirectResponseAction,
  at: string,
  problems: string[],
): DirectResponse {
  skippedFields(message.$unknown, { ignored: {}, refused: { 3: "body_format" } }, at, problems);
  const { status, body } = message;
  const source = body?.specifier;
  if (source?.case === undefined) return { status };
  if (source.case === "inlineString") return { status, ...(source.value !== "" && { body: source.value }) };
  if (source.case === "inlineBytes") return { status, body: new TextDecoder().decode(source.value) };
  problems.push(mustBe(`${at}body`, "inline_string or inline_bytes", fieldName(source.case)));
  return { status };
}
