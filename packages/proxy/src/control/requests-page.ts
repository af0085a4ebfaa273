import type { Clock } from "@pagoda/core";
import { type HttpRequest, type HttpResponse, json, text } from "@pagoda/http";
import { type CallRecord, type Reason, reasons, type RequestQuery } from "../recorder/call-record.ts";
import { causesText } from "../recorder/causes.ts";
import { listed, story } from "../recorder/story.ts";

/** What the pages show. */
export interface KeptRequests {
  /** Number of calls kept for each reason in each worker; 0: none. */
  readonly keep: number;
  readonly clock: Clock;
  find(query: RequestQuery): Promise<readonly CallRecord[]>;
}

const defaultLimit = 50;
const maxLimit = 1_000;

const parameters: ReadonlySet<string> = new Set([
  "reason",
  "listener",
  "route",
  "cluster",
  "status",
  "endpoint",
  "since",
  "limit",
]);

/**
 * `GET /requests`: the kept calls that match the parameters of the query, the newest first. As text, those
 * with the same cause are counted together, unless `all=true` asks for each.
 */
export async function requestsPage(kept: KeptRequests, request: HttpRequest): Promise<HttpResponse> {
  const given = new URLSearchParams(request.query);
  const all = given.get("all");
  if (all !== null && all !== "true") return text(`all must be true or absent (got "${all}")\n`, 400);
  given.delete("all");
  const isGrouped = wantsText(request) && all === null;
  if (isGrouped && !given.has("limit")) given.set("limit", String(maxLimit));
  const query = queryIn(given);
  if (typeof query === "string") return text(`${query}\n`, 400);
  const calls = await kept.find(query);
  if (isGrouped) return text(`${causesText(calls, kept.clock.wallTime())}\n`);
  return wantsText(request) ? text(`${listed(calls)}\n`) : json(calls);
}

/** `GET /requests/ID`: a call by its request id or trace id. */
export async function requestPage(
  kept: KeptRequests,
  request: HttpRequest,
  id: string,
): Promise<HttpResponse> {
  const [call] = await kept.find({ id, limit: 1 });
  if (call === undefined) return text(notKept(kept, id), 404);
  return wantsText(request) ? text(`${story(call, kept.clock.wallTime())}\n`) : json(call);
}

function notKept({ keep }: KeptRequests, id: string): string {
  if (keep === 0) return "no requests are kept: `recorder.keep` is 0\n";
  return (
    `no request ${id} is kept\n` +
    `Each worker keeps its last ${keep} failed, refused, slow, recovered, sampled and unread calls, for up to an hour. ` +
    "Of many similar calls in a second only some are kept, and none of a worker that has ended.\n"
  );
}

/** JSON unless the client prefers text. */
export function wantsText({ headers }: HttpRequest): boolean {
  const accept = headers.get("accept") ?? "";
  return accept.includes("text/plain") && !accept.includes("application/json");
}

/** The query, or what is wrong with it. */
export function queryIn(given: URLSearchParams): RequestQuery | string {
  for (const name of given.keys())
    if (!parameters.has(name))
      return `the parameters must be among ${[...parameters].join(", ")} (got "${name}")`;
  const wanted = given.get("reason")?.split(",");
  for (const reason of wanted ?? [])
    if (!reasons.includes(reason as Reason))
      return `reason must be among ${reasons.join(", ")}, separated by commas (got "${reason}")`;
  const status = given.get("status") ?? undefined;
  if (status !== undefined && !/^[1-5](?:\d\d|xx)$/.test(status))
    return `status must be a status or a class of them, such as 503 or 5xx (got "${status}")`;
  const since = given.get("since") ?? undefined;
  if (since !== undefined && Number.isNaN(Date.parse(since)))
    return `since must be a time, such as 2026-12-01T09:30:00Z (got "${since}")`;
  const limit = given.get("limit") ?? String(defaultLimit);
  if (!/^\d+$/.test(limit) || Number(limit) < 1 || Number(limit) > maxLimit)
    return `limit must be an integer from 1 to ${maxLimit} (got "${limit}")`;
  return {
    reasons: wanted as readonly Reason[] | undefined,
    listener: given.get("listener") ?? undefined,
    route: given.get("route") ?? undefined,
    cluster: given.get("cluster") ?? undefined,
    status,
    endpoint: given.get("endpoint") ?? undefined,
    since: since === undefined ? undefined : Date.parse(since),
    limit: Number(limit),
  };
}
