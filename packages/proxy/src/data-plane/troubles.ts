import type { BalancerStatus, EndpointStatus, SourceStatus } from "@pagoda/balance";
import type { BlockedReason } from "../policies/policy.ts";
import type { RecordedEndpoints } from "../recorder/call-record.ts";
import { ejectedName } from "./ejected-endpoints.ts";
import type { Recent } from "./outcomes.ts";

/** What is wrong with an endpoint. */
export interface Trouble {
  /** `ejected`, `circuit open`: the same for all endpoints in the same trouble. */
  readonly cause: string;
  /** Why, if more is known. */
  readonly detail?: string | undefined;
  /** Milliseconds until it is over, if that is known. */
  readonly forMs?: number | undefined;
  /** Whether it keeps calls away. */
  readonly blocks: boolean;
}

/** What is known of an endpoint besides its balancer's status. */
export interface Watched {
  /** Failed calls since the last success. */
  readonly consecutiveFailures: number;
  /** Why its policies do not let calls pass. */
  readonly blocked: readonly BlockedReason[];
}

/** The name of outlier detection among the health sources. */
const outliers = "outlier-detection";
const checks = "health-check";
const byOperator = "ejected by an operator";

/** Of health sources that say more than that a check fails. */
const causes: Readonly<Record<string, string>> = { [outliers]: "ejected", [ejectedName]: byOperator };

/** Failures in a row that are unlikely to be chance: Envoy's threshold for outliers. */
const minFailures = 5;

/** Returns what is wrong with an endpoint, calls that fail first. */
export function troublesOf(endpoint: EndpointStatus, { consecutiveFailures, blocked }: Watched): Trouble[] {
  const { health, ready, share } = endpoint;
  const troubles: Trouble[] = [];
  if (consecutiveFailures >= minFailures)
    troubles.push({ cause: failingText(consecutiveFailures, endpoint, blocked.length > 0), blocks: false });
  for (const { source, healthy, reason = "not checked yet", state } of health)
    if (!healthy)
      troubles.push({
        cause: causes[source] ?? source,
        detail: reason,
        forMs: timeIn(state),
        blocks: true,
      });
  for (const each of blocked) troubles.push({ ...each, blocks: true });
  if (share < 1)
    troubles.push({ cause: "starting", detail: `${Math.round(share * 100)}% of its share`, blocks: false });
  if (!ready && !troubles.some(({ blocks }) => blocks))
    troubles.push({ cause: "no free capacity", blocks: true });
  return troubles;
}

/** Says why an endpoint that fails gets calls: `healthy` would contradict its failures. */
function failingText(failures: number, { healthy, health }: EndpointStatus, isBlocked: boolean): string {
  const text = `the last ${failures} calls failed`;
  const has = (name: string): boolean => health.some(({ source }) => source === name);
  if (!healthy || isBlocked) return text;
  if (has(checks)) return `health checks pass, but ${text}`;
  return has(outliers)
    ? `${text}, but it is not ejected`
    : `${text}; still gets requests: no health check or outlier detection is configured`;
}

function timeIn({ returnsInMs }: SourceStatus["state"]): number | undefined {
  return typeof returnsInMs === "number" ? returnsInMs : undefined;
}

/** `ejected: consecutive-failures; starting: 10% of its share`; undefined without troubles. */
export function troublesText(troubles: readonly Trouble[]): string | undefined {
  if (troubles.length === 0) return undefined;
  return troubles
    .map(({ cause, detail }) => (detail === undefined ? cause : `${cause}: ${detail}`))
    .join("; ");
}

/** The time until calls pass again, if that is known. */
export function blockedForMs(troubles: readonly Trouble[]): number | undefined {
  const times = troubles.flatMap(({ blocks, forMs }) => (blocks && forMs !== undefined ? [forMs] : []));
  return times.length === 0 ? undefined : Math.max(...times);
}

/** The results of active checks; undefined without them. */
export function checksOf({ health }: EndpointStatus): "passing" | "failing" | undefined {
  const check = health.find(({ source }) => source === checks);
  return check && (check.healthy ? "passing" : "failing");
}

/** Endpoints shown to explain one call. */
const maxShown = 10;
/** With more endpoints, looking at all of them to explain a call would hold up others. */
const maxLookedAt = 1_000;

/**
 * Returns the endpoints of a cluster, those in trouble first.
 *
 * @param total The number of endpoints.
 */
export function endpointTroubles(
  total: number,
  look: () => {
    readonly balancer: BalancerStatus;
    readonly calls: (endpoint: string) => Watched & Recent & { readonly recent: Recent };
  },
): RecordedEndpoints {
  if (total > maxLookedAt) return { total, blocked: [], shown: [] };
  const { balancer, calls } = look();
  const blocked = new Map<string, { count: number; forMs: number | undefined }>();
  const all = balancer.endpoints.map((status) => {
    const { key } = status;
    const its = calls(key);
    const troubles = troublesOf(status, its);
    const blocks = troubles.filter((each) => each.blocks);
    // Health, which comes first, is ignored in a panic, but not an operator.
    const by = balancer.panicking
      ? (blocks.find(({ cause }) => cause === byOperator) ?? (!status.ready && blocks.at(-1)))
      : blocks[0];
    if (by) count(blocked, by);
    return {
      endpoint: key,
      succeeded: its.succeeded,
      failed: its.failed,
      timedOut: its.timedOut,
      recent: its.recent,
      reason: troublesText(troubles),
      forMs: blockedForMs(troubles),
    };
  });
  const shown = all.toSorted(
    (one, other) =>
      Number(other.reason !== undefined) - Number(one.reason !== undefined) ||
      other.failed + other.timedOut - one.failed - one.timedOut,
  );
  return {
    total: all.length,
    blocked: Array.from(blocked, ([cause, { count, forMs }]) => ({ cause, count, forMs })).toSorted(
      (one, other) => other.count - one.count,
    ),
    shown: shown.slice(0, maxShown),
  };
}

function count(
  blocked: Map<string, { count: number; forMs: number | undefined }>,
  { cause, forMs }: Trouble,
): void {
  const known = blocked.get(cause);
  if (known === undefined) {
    blocked.set(cause, { count: 1, forMs });
    return;
  }
  known.count++;
  if (forMs !== undefined) known.forMs = Math.min(known.forMs ?? Infinity, forMs);
}
