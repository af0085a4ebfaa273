import { type HttpHeaders, type HttpRequest, type HttpResponse, httpResponse } from "@pagoda/http";
import { writtenAt } from "./path.ts";
import { Substitution } from "@pagoda/linear-regex";
import type { HeaderEdits, Redirect, Rewrite, Route, RouteMatch } from "./route.ts";

/** What a route does with a request. */
export interface RouteAction {
  /** Creates the route's own response. Absent if it forwards. */
  readonly answer: ((request: HttpRequest, path: string, written: string) => HttpResponse) | undefined;
  /** Rewrites a path, given its normal form and what would be sent without a rewrite. */
  readonly rewritePath: ((path: string, written: string) => string) | undefined;
  readonly host: string | undefined;
  readonly editRequest: ((headers: HttpHeaders) => HttpHeaders) | undefined;
  readonly editResponse: ((headers: HttpHeaders) => HttpHeaders) | undefined;
}

/** Compiles the action of a route once, so that calls only do what depends on the request. */
export function routeAction(route: Route, { path }: RouteMatch): RouteAction {
  return {
    answer: answerOf(route, path),
    rewritePath: route.rewrite && rewriterOf(route.rewrite, path),
    host: route.rewrite?.host,
    editRequest: editorOf(route.requestHeaders),
    editResponse: editorOf(route.responseHeaders),
  };
}

function answerOf({ redirect, respond }: Route, matched: RouteMatch["path"]): RouteAction["answer"] {
  if (redirect !== undefined) {
    const rewrite = rewriterOf(redirect, matched);
    return (request, path, written) =>
      httpResponse(redirect.status ?? 302, undefined, {
        location: locationOf(redirect, request, rewrite?.(path, written) ?? written),
      });
  }
  if (respond === undefined) return undefined;
  const { status, body, headers } = respond;
  return () => httpResponse(status, body, headers);
}

/** Always absolute, since a path that starts with `//` would be read as a host. */
function locationOf(
  { scheme, host, port, stripQuery }: Redirect,
  { authority, scheme: asked, query }: HttpRequest,
  path: string,
): string {
  const kept = /^(\[[^\]]*\]|[^:]*)(:\d*)?$/.exec(authority);
  const to = scheme ?? asked;
  const own = to === "https" ? 443 : 80;
  const keptPort = scheme === undefined && host === undefined ? (kept?.[2] ?? "") : "";
  const givenPort = port === undefined ? keptPort : port === own ? "" : `:${port}`;
  return `${to}://${host ?? kept?.[1] ?? authority}${givenPort}${path}${stripQuery ? "" : query}`;
}

function rewriterOf(
  { path, prefix, regex }: Rewrite,
  matched: RouteMatch["path"],
): RouteAction["rewritePath"] {
  if (path !== undefined) return () => path;
  if (regex !== undefined) {
    const substitution = new Substitution(regex.pattern, regex.substitution);
    return (asked, written) => substitution.apply(asked) ?? written;
  }
  if (prefix === undefined) return undefined;
  const restOf = (length: number, asked: string, written: string): string =>
    written.slice(asked === written ? length : writtenAt(written, length));
  if (matched !== undefined && "startsWith" in matched) {
    const { length } = matched.startsWith;
    return (asked, written) => prefix + restOf(length, asked, written);
  }
  const { length } = withoutSlash(matched !== undefined && "prefix" in matched ? matched.prefix : "/");
  const begin = withoutSlash(prefix);
  return (asked, written) => {
    const rest = restOf(length, asked, written);
    // Some parsers would read two leading slashes as a host.
    return begin === "" ? `/${rest.replace(/^\/+/, "")}` : begin + rest;
  };
}

function editorOf(edits: HeaderEdits | undefined): RouteAction["editRequest"] {
  if (edits === undefined) return undefined;
  const { remove = [], set = {}, add = {} } = edits;
  return (headers) => {
    let edited = headers;
    for (const name of remove) edited = edited.delete(name);
    for (const [name, value] of Object.entries(set)) edited = edited.set(name, value);
    for (const [name, value] of Object.entries(add)) edited = edited.append(name, value);
    return edited;
  };
}

/** A trailing slash makes no difference in a prefix. */
export function withoutSlash(prefix: string): string {
  return prefix.endsWith("/") ? prefix.slice(0, -1) : prefix;
}
