import { spanText } from "../policies/span-text.ts";
import type { CallRecord } from "./call-record.ts";
import { hintsFor } from "./hints.ts";
import { agoText, endOf, headline, recoveryText, verdict } from "./story.ts";

/** Calls that ended in the same way for the same cause. */
export interface Cause {
  /** The latest of them. */
  readonly newest: CallRecord;
  readonly count: number;
  /** When the first and the last of them ended, in milliseconds since 1970. */
  readonly fromMs: number;
  readonly toMs: number;
  /** The cause, without what differs from call to call. */
  readonly text: string;
}

/** More causes are only counted. */
const maxShown = 20;

/** Groups calls by their cause: the one that was met last comes first, and calls without trouble last. */
export function causesOf(calls: readonly CallRecord[]): readonly Cause[] {
  const groups = Map.groupBy(calls, keyOf).values();
  return Array.from(groups, (its): Cause => {
    const newest = its.reduce((one, other) => (endOf(other) > endOf(one) ? other : one));
    const ends = its.map(endOf);
    return {
      newest,
      count: its.length,
      fromMs: Math.min(...ends),
      toMs: Math.max(...ends),
      text: causeText(newest),
    };
  }).toSorted(
    (one, other) =>
      Number(one.newest.reason === "sampled") - Number(other.newest.reason === "sampled") ||
      other.toMs - one.toMs,
  );
}

/**
 * The causes of calls, each with its number, its newest call and what to do.
 *
 * @param nowMs Milliseconds since 1970.
 */
export function causesText(calls: readonly CallRecord[], nowMs: number): string {
  if (calls.length === 0) return "no requests are kept that match";
  const causes = causesOf(calls);
  const left = causes.length - maxShown;
  return [
    ...causes.slice(0, maxShown).map((cause) => oneCause(cause, nowMs)),
    ...(left > 0 ? [`and ${left} more causes`] : []),
  ].join("\n\n");
}

function oneCause({ newest, count, fromMs, text }: Cause, nowMs: number): string {
  const past = spanText(Math.max(0, nowMs - fromMs));
  const times = count === 1 ? `×1, ${past} ago` : `×${count} in the last ${past}`;
  const route = newest.route === undefined ? "" : `, route ${newest.route.name}`;
  const lines = [
    `${times}: ${text}`,
    `    newest: ${newest.id}, ${headline(newest)}, ${agoText(endOf(newest), nowMs)}`,
    `    listener ${newest.listener}${route}`,
    ...hintsFor(newest)
      .slice(0, 1)
      .map((hint) => `    ${hint}`),
  ];
  return lines.join("\n");
}

/** What differs between calls with the same cause: times that were measured. */
const measured = / took [\d.]+ m?s$| \((?:the first )?for [\d.]+ (?:ms|s|min) more\)/g;

function causeText(call: CallRecord): string {
  const { reason } = call;
  // The endpoint that answered at last has nothing to do with the cause.
  return reason === "recovered" ? `retried, then succeeded ${recoveryText(call)}` : verdict(call);
}

function keyOf(call: CallRecord): string {
  const { listener, route, reason, status, grpcStatus } = call;
  const cause = causeText(call).replaceAll(measured, "");
  return JSON.stringify([listener, route?.name, reason, status, grpcStatus, cause]);
}
