import {
  type Either,
  type Fault,
  isLeft,
  layer,
  type Layer,
  left,
  type Random,
  rangeError,
  right,
  systemRandom,
} from "@pagoda/core";
import { type HttpHeaders, type HttpRequest, type HttpResponse, pathToSend } from "@pagoda/http";
import type { Candidate } from "./candidate.ts";
import type { RouteTableOptions } from "./options.ts";
import type { PathRefused } from "./path.ts";
import type { RouteAction } from "./route-action.ts";
import type { Route, Routed, RoutedBy, Routes } from "./route.ts";
import { select } from "./shares.ts";
import { RouteTable, routeTable } from "./table.ts";

/** No route matches the request. */
export interface NoRoute extends Fault<"NoRoute"> {
  readonly origin: "local";
  readonly retryable: false;
  readonly authority: string;
  /** Path in normal form. */
  readonly path: string;
  /**
   * Methods that would be routed, if only the method does not match. The response should be 405
   * with `Allow`.
   */
  readonly allow?: readonly string[];
}

/** The options of a table apply to a list of routes only. */
export interface RouterOptions extends RouteTableOptions {
  /** Chooses among the clusters of a split. */
  readonly random?: Random;
}

/**
 * Selects a route for each request. Inner layers find it as `request.route`, so per-route layers go
 * inside and do not compile outside. If the route matched by a path pattern, `request.params` has
 * its decoded parameters; the compiler knows them for each cluster. Routes that redirect or respond
 * are answered here.
 *
 * The path is normalized first. The normal form is matched and seen by inner layers. What is sent
 * has the same normal form but keeps the client's own bytes, except for dot segments (`written`),
 * so that signed URLs stay valid. See {@link PathOptions} for other modes.
 *
 * CONNECT has no path: it matches only routes without a path condition, and goes to the requested
 * authority whatever they rewrite. It ignores redirects, and responses that would open a tunnel.
 *
 * Use it once per stack, outside of per-route layers and inside layers for all requests, with
 * `clusters` as the leaf.
 *
 * Errors: {@link NoRoute}, and {@link PathRefused} for an ambiguous path.
 *
 * Cost per call: the lookup, see {@link routeTable}; a copy of the request; and what the route
 * changes.
 *
 * Source: the Gateway API's HTTPRoute (precedence, redirects, rewrites); RFC 3986, section 6.2.2
 * (normal form of paths).
 *
 * @throws RangeError listing everything that is wrong with the routes.
 */
export function router<
  const C extends string = never,
  P = unknown,
  const Pattern extends string = string,
  // `| []` for tuples; `const` would make literals of the policies, too.
  Clusters extends readonly unknown[] | [] = readonly unknown[],
  Patterns extends readonly unknown[] | [] = readonly unknown[],
  Adds = RoutedBy<C, P, Pattern, Clusters, Patterns>,
>(
  routes: RouteTable<C, P, Adds> | Routes<C, P, Pattern, Clusters, Patterns>,
  { random = systemRandom, ...options }: RouterOptions = {},
): Layer<HttpRequest, Adds, NoRoute | PathRefused, never, HttpResponse, HttpResponse> {
  const table = tableOf<C, P>(routes, options);

  return layer<HttpRequest, Routed<C, P>, NoRoute | PathRefused, never, HttpResponse, HttpResponse>(
    "router",
    (inner) => ({
      options: {
        ...table.pathOptions,
        order: table.order,
        hostPorts: table.hostPorts,
        routes: table.routes.map(({ name }) => name),
      },
      call(request, signal) {
        let candidate = table.lookUpPlain(request);
        const path = candidate === undefined ? table.pathIn(request) : request.path;
        if (typeof path !== "string") return Promise.resolve(left(path));
        candidate ??= table.lookUp(request, path);
        if (candidate === undefined) return Promise.resolve(left(noRoute(table, request, path)));
        const { compiled, action } = candidate;
        request.notes.route = compiled.route.name;
        const given = pathToSend(request);
        // A plain path has no other form.
        const written = given === path ? path : table.writtenOf(given, path);
        if (action.answer !== undefined)
          return Promise.resolve(right(edited(action.answer(request, path, written), action.editResponse)));
        const route = select(compiled, random);
        request.notes.cluster = route.cluster;
        const sent = rewritten(action, path, written);
        const normal = sent === written ? path : table.pathOf(sent);
        if (typeof normal !== "string") return Promise.resolve(left(normal));
        const routed: Sent<C, P> = { ...request, ...changes(candidate, request), path: normal, route };
        if (candidate.params !== undefined) routed.params = candidate.params.params(path);
        const asSent = sent === normal ? normal : table.writtenOf(sent, normal);
        if (asSent !== normal) routed.written = { path: asSent, of: normal };
        const result = inner.call(routed, signal);
        const { editResponse } = action;
        return editResponse === undefined
          ? result
          : result.then((settled) => editedResult(settled, editResponse));
      },
    }),
    // The types of the routes say which requests have which parameters.
  ) as unknown as Layer<HttpRequest, Adds, NoRoute | PathRefused, never, HttpResponse, HttpResponse>;
}

/** A request on its way in. */
type Sent<C extends string, P> = HttpRequest &
  Routed<C, P> & { params?: Readonly<Record<string, string>>; written?: HttpRequest["written"] };

function tableOf<C extends string, P>(
  routes: RouteTable<C, P, unknown> | readonly Route<C, P>[],
  options: RouteTableOptions,
): RouteTable<C, P> {
  if (!(routes instanceof RouteTable)) return routeTable(routes, options);
  const [given] = Object.keys(options);
  if (given === undefined) return routes as RouteTable<C, P>;
  const value = options[given as keyof RouteTableOptions];
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

function rewritten({ rewritePath }: RouteAction, path: string, written: string): string {
  return rewritePath === undefined || path === "*" || path === "" ? written : rewritePath(path, written);
}

function changes({ action }: Candidate, { method, headers }: HttpRequest): Partial<HttpRequest> {
  const { editRequest } = action;
  // The authority of CONNECT is the target of the tunnel.
  const host = method === "CONNECT" ? undefined : action.host;
  if (host === undefined && editRequest === undefined) return {};
  const fields = editRequest === undefined ? headers : editRequest(headers);
  if (host === undefined) return { headers: fields };
  // Inner layers must not see two different hosts.
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
