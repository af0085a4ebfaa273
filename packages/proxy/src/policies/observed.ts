import type { Clock } from "@pagoda/core";
import { type HttpRequest, noteEvent } from "@pagoda/http";
import type { EventMetrics } from "@pagoda/metrics";
import type { Events } from "./policy.ts";

/** Events in one place, as the trail of a call refers to them. */
export interface PlacedEvents extends Events<never> {
  /** An endpoint, or `listener main`; undefined for a route and its cluster, of which a call has one. */
  readonly of?: string | undefined;
}

/** Where events are counted. */
interface Observing {
  readonly metrics: EventMetrics;
  readonly labels: Readonly<Record<string, string>>;
  readonly clock: Clock;
}

type Functions = Record<string, ((...args: unknown[]) => void) | undefined>;

/**
 * Returns an observer that counts events and adds those about a call to its trail. An event is about a
 * call if its last argument is the request.
 *
 * @param also Another observer to call.
 */
export function observed<Observer extends object>(
  { metrics, labels, clock }: Observing,
  events: Events<Observer>,
  also?: Observer,
): Observer {
  const { layer, names, texts = {} } = events;
  const source: PlacedEvents = { ...(events as Events<never>), of: placeOf(labels) };
  const noting: Functions = { ...(also as Functions | undefined) };
  for (const name of new Set([...names, ...Object.keys(texts)])) {
    const forward = noting[name];
    noting[name] = (...args) => {
      const request = args.at(-1);
      if (isRequest(request)) noteEvent(request.notes, source, name, args.slice(0, -1), clock.now());
      forward?.apply(also, args);
    };
  }
  return metrics.observer<Observer>(layer, names as never, { labels, also: noting as Observer });
}

function placeOf({ listener, route, endpoint }: Observing["labels"]): string | undefined {
  if (endpoint !== undefined || listener === undefined) return endpoint;
  return route === undefined ? `listener ${listener}` : undefined;
}

function isRequest(value: unknown): value is Pick<HttpRequest, "notes"> {
  return typeof (value as Partial<HttpRequest> | null | undefined)?.notes?.tries === "number";
}
