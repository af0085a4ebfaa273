import { type Fault, layer, type Layer, type Random, rangeError, systemRandom } from "@pagoda/core";
import type { HttpHeaders, HttpRequest, HttpResponse } from "@pagoda/http";
import { type Either, isLeft, left, right } from "fp-ts/lib/Either.js";
import type { Candidate } from "./candidate.ts";
import type { PathOptions, PathRefused } from "./path.ts";
import type { RouteAction } from "./route-action.ts";
import type { Route, Routed } from "./route.ts";
import { RouteTable, routeTable, select } from "./table.ts";

/** No route matches the request. */
export interface NoRoute extends Fault<"NoRoute"> {
  readonly origin: "local";
  readonly retryable: false;
  readonly authority: string;
  /** In its normal form. */
  readonly path: string;
  /** Given where another method would have been routed: these would. The answer is then 405, with `Allow`. */
  readonly allow?: readonly string[];
}

/** How paths are read concerns routes that are given as a list; a table has been made with it. */
export interface RouterOptions extends PathOptions {
  /** Chooses among the clusters of a split. */
  readonly random?: Random;
}

/**
 * Selects a route for each request. Inner layers find it as `request.route`, so what is for each route stands inside,
 * and does not compile outside. A route that redirects or answers does so here, and the request goes no further.
 *
 * The path is brought into its normal form first. That form is what is matched, and what inner layers see; what is sent
 * has the same normal form, and the client's own bytes wherever no dot segment had to go (`written`), so that signed URLs
 * hold. {@link PathOptions} has other ways. CONNECT has no path: it goes by routes that say nothing of paths, to where it
 * says, whatever they rewrite; redirects, and answers that would open a tunnel, are not for it. Use it once in a stack,
 * outside all that is for each route, inside what is for all of them; `clusters` is the leaf that goes with it.
 *
 * Errors: {@link NoRoute}; {@link PathRefused} for a path that two readers could understand differently.
 *
 * Cost per call: the look-up, see {@link routeTable}; a copy of the request; and what the route changes.
 *
 * Source: the Gateway API's HTTPRoute (precedence, redirects, rewrites); RFC 3986, 6.2.2 (normal form of paths).
 *
 * @throws RangeError that lists everything that is wrong with the routes.
 */
export function router<const C extends string = never, P = unknown>(
  routes: RouteTable<C, P> | readonly Route<C, P>[],
  { random = systemRandom, ...pathOptions }: RouterOptions = {},
): Layer<HttpRequest, Routed<C, P>, NoRoute | PathRefused, never, HttpResponse, HttpResponse> {
  const table = tableOf(routes, pathOptions);

  return layer<HttpRequest, Routed<C, P>, NoRoute | PathRefused, never, HttpResponse, HttpResponse>(
    "router",
    (inner) => ({
      options: { ...table.pathOptions, routes: table.routes.map(({ name }) => name) },
      call(request, signal) {
        let candidate = table.lookUpPlain(request);
        const path = candidate === undefined ? table.pathIn(request) : request.path;
        if (typeof path !== "string") return Promise.resolve(left(path));
        candidate ??= table.lookUp(request, path);
        if (candidate === undefined) return Promise.resolve(left(noRoute(table, request, path)));
        const { compiled, action } = candidate;
        request.notes.route = compiled.route.name;
        // Where it is plain there is no other form.
        const written = path === request.path ? path : table.writtenOf(request.path, path);
        if (action.answer !== undefined)
          return Promise.resolve(right(edited(action.answer(request, path, written), action.editResponse)));
        const route = select(compiled, random);
        request.notes.cluster = route.cluster;
        const sent = sentPath(action, path, written);
        const normal = sent === written ? path : table.pathOf(sent);
        if (typeof normal !== "string") return Promise.resolve(left(normal));
        const routed = { ...request, ...changes(candidate, request), path: normal, route };
        const asSent = sent === normal ? normal : table.writtenOf(sent, normal);
        if (asSent !== normal) routed.written = { path: asSent, of: normal };
        const result = inner.call(routed, signal);
        const { editResponse } = action;
        return editResponse === undefined
          ? result
          : result.then((settled) => editedResult(settled, editResponse));
      },
    }),
  );
}

function tableOf<C extends string, P>(
  routes: RouteTable<C, P> | readonly Route<C, P>[],
  options: PathOptions,
): RouteTable<C, P> {
  if (!(routes instanceof RouteTable)) return routeTable(routes, options);
  const [given] = Object.keys(options);
  if (given === undefined) return routes;
  const value = options[given as keyof PathOptions];
  throw rangeError(`router: ${given}`, "given to routeTable where there is a table", value);
}

function noRoute(table: RouteTable, request: HttpRequest, path: string): NoRoute {
  const allow = table.allowed(request, path);
  return {
    _tag: "NoRoute",
    origin: "local",
    retryable: false,
    authority: request.authority,
    path,
    ...(allow.length > 0 && { allow }),
  };
}

function sentPath({ rewritePath }: RouteAction, path: string, written: string): string {
  return rewritePath === undefined || path === "*" || path === "" ? written : rewritePath(path, written);
}

function changes({ action }: Candidate, { method, headers }: HttpRequest): Partial<HttpRequest> {
  const { editRequest } = action;
  // Of CONNECT it is where the tunnel leads to.
  const host = method === "CONNECT" ? undefined : action.host;
  if (host === undefined && editRequest === undefined) return {};
  const fields = editRequest === undefined ? headers : editRequest(headers);
  if (host === undefined) return { headers: fields };
  // Nobody further in shall find two hosts.
  return { authority: host, headers: fields.has("host") ? fields.set("host", host) : fields };
}

function editedResult<Err, Res extends HttpResponse>(
  result: Either<Err, Res>,
  edit: (headers: HttpHeaders) => HttpHeaders,
): Either<Err, Res> {
  if (isLeft(result)) return result;
  return right(edited(result.right, edit));
}

function edited<Res extends HttpResponse>(response: Res, edit: RouteAction["editResponse"]): Res {
  return edit === undefined ? response : { ...response, headers: edit(response.headers) };
}
