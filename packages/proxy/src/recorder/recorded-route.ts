import { httpRequest } from "@pagoda/http";
import type { RouteTable } from "@pagoda/router";
import type { CallRecord, RecordedRoute } from "./call-record.ts";

const maxBeaten = 5;

/**
 * Returns a selected route with the routes that it took precedence over, judged by method, host and path:
 * header fields and the query are not recorded. The name alone if the routes have changed since.
 *
 * @param table The present routes.
 */
export function recordedRoute(
  name: string,
  { method, scheme, authority, path }: Pick<CallRecord, "method" | "scheme" | "authority" | "path">,
  table: RouteTable | undefined,
): RecordedRoute {
  const url = `${scheme}://${authority}${path}`;
  if (table === undefined || !URL.canParse(url)) return { name, beat: [] };
  const request = { ...httpRequest(url, { method }), authority, path };
  const found = table.find(request);
  if (found?.route.name !== name) return { name, beat: [] };
  const beat = table
    .explain(request)
    .matches.flatMap(({ route, lostBy }) =>
      lostBy === undefined || route === name ? [] : [{ route, by: lostBy }],
    );
  const match = Object.entries(found.match.path ?? {})
    .join()
    .replace(",", " ");
  return { name, ...(match !== "" && { match }), beat: beat.slice(0, maxBeaten) };
}
