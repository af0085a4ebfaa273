import type { LiveCluster, LiveEndpoint, LiveTrouble } from "../../src/live/snapshot.ts";
import { failureCause, refusalCause } from "./causes.ts";
import { failingText, isFailing, slowText } from "./failing.ts";
import { count, date, duration, percent, rate, relative, workers } from "./format.ts";
import type { Parts } from "./parts.ts";

/** Something that is wrong now, or that an operator should know. */
export interface Problem {
  /** The same for as long as it is the same problem, whatever its numbers. */
  readonly key: string;
  /** `warning`: clients notice nothing yet. */
  readonly level: "wrong" | "warning" | "note";
  /** What it is about: `shop: 10.0.0.7:80`. */
  readonly subject: string;
  /** A sentence without the subject. */
  readonly text: string;
  /** The query of the requests behind it, as of `/requests`. */
  readonly requests?: string | undefined;
  /** Whether it may be gone and back within seconds. */
  readonly comesAndGoes?: boolean | undefined;
  /** Requests per second that it affects, if known. */
  readonly affected?: number | undefined;
  /** The section that shows more. */
  readonly section: string;
}

/** In steps, so that problems do not change places with each sample. What affects all comes first. */
function magnitude({ affected = Infinity }: Problem): number {
  return affected === Infinity ? 99 : Math.round(Math.log2(affected + 1) / 2);
}

const levels: readonly Problem["level"][] = ["wrong", "warning", "note"];

/** What is wrong, the worst first. */
export function problemsOf(parts: Parts, now: number): readonly Problem[] {
  const all = [
    ...ofProxy(parts),
    ...ofWorkers(parts),
    ...ofReloads(parts, now),
    ...ofClusters(parts, now),
    ...ofLayers(parts, now),
    ...ofRoutes(parts, now),
    ...ofCertificates(parts, now),
    ...(parts.proxy?.warnings ?? []).map((text): Problem =>
      note(`warning ${text}`, "configuration", text, "reloads"),
    ),
  ];
  return all.toSorted(
    (one, other) =>
      levels.indexOf(one.level) - levels.indexOf(other.level) || magnitude(other) - magnitude(one),
  );
}

function wrong(key: string, subject: string, text: string, section: string, requests?: string): Problem {
  return { key, level: "wrong", subject, text, section, requests };
}

function note(key: string, subject: string, text: string, section: string, requests?: string): Problem {
  return { ...wrong(key, subject, text, section, requests), level: "note" };
}

function ofProxy({ proxy }: Parts): Problem[] {
  if (proxy === undefined) return [];
  const { phase, notReady, unhealthy } = proxy;
  return [
    ...(unhealthy === null ? [] : [wrong("unhealthy", "pagoda", unhealthy, "workers")]),
    ...(phase === "draining"
      ? [
          note(
            "draining",
            "pagoda",
            "draining: no new connections; exits once the requests in flight have ended",
            "workers",
          ),
        ]
      : []),
    ...(notReady === null || notReady === phase
      ? []
      : [wrong("not ready", "pagoda", `not ready: ${notReady}`, "clusters")]),
  ];
}

function ofWorkers({ workers = [] }: Parts): Problem[] {
  return workers
    .filter(({ state }) => state === "silent")
    .map(({ worker, pid, silentMs }) =>
      wrong(
        `silent ${pid}`,
        `worker ${worker ?? "main"}`,
        `has not answered for ${duration(silentMs)} (pid ${pid})`,
        "workers",
      ),
    );
}

function ofReloads({ reloads = [] }: Parts, now: number): Problem[] {
  const [last] = reloads;
  if (last === undefined || last.result === "applied") return [];
  const [first = "no reason given", ...more] = last.problems;
  const others = more.length === 0 ? "" : ` (and ${count(more.length, "problem")} more)`;
  const text = `rejected ${relative(last.at, now)} (${last.trigger}); the previous configuration stays: ${first}${others}`;
  return [wrong(`reload ${last.at}`, "configuration", text, "reloads")];
}

function ofClusters(parts: Parts, now: number): Problem[] {
  return (parts.clusters ?? []).flatMap((each) =>
    ofCluster(each).concat(each.shown.flatMap((endpoint) => ofEndpoint(each.cluster, endpoint, parts, now))),
  );
}

function ofCluster({ cluster, endpoints, healthy, reason, panicking }: LiveCluster): Problem[] {
  return [
    ...(reason === null ? [] : [wrong(`cluster ${cluster}`, cluster, reason, "clusters")]),
    ...(healthy === 0 && reason === null
      ? [
          wrong(
            `cluster ${cluster}`,
            cluster,
            endpoints === 0 ? "has no endpoints" : "has no healthy endpoint",
            "clusters",
          ),
        ]
      : []),
    ...(panicking.length > 0 && reason === null
      ? [
          wrong(
            `panic ${cluster}`,
            cluster,
            `too few healthy endpoints; ${workers(panicking)} ignoring health`,
            "clusters",
          ),
        ]
      : []),
  ];
}

function ofEndpoint(cluster: string, status: LiveEndpoint, { figures }: Parts, now: number): Problem[] {
  const { endpoint, troubles } = status;
  const affected = figures?.clusters.find((each) => each.cluster === cluster)?.failedPerSecond;
  const rest = {
    level: affected === 0 ? ("warning" as const) : ("wrong" as const),
    subject: `${cluster}: ${endpoint}`,
    section: "clusters",
    requests: `cluster=${encodeURIComponent(cluster)}&endpoint=${encodeURIComponent(endpoint)}`,
  };
  const late = slowText({ cluster }, endpoint, figures);
  const slow = late === undefined ? "" : `; ${late}`;
  if (isFailing(status, now) && !troubles.some(({ blocks }) => blocks))
    return [
      {
        ...rest,
        key: `failing ${cluster} ${endpoint}`,
        text: `${failingText(status, now)}${slow}`,
        comesAndGoes: true,
        affected,
      },
    ];
  const found = worst(troubles).map((trouble): Problem =>
    Object.assign(
      { affected },
      rest,
      {
        key: `endpoint ${cluster} ${endpoint} ${trouble.cause}`,
        text: troubleText(trouble, now),
      },
      isByOperator(trouble) && { level: "note" as const },
    ),
  );
  if (found.length > 0 || late === undefined) return found;
  const text = `slow: ${late}`;
  return [{ ...rest, level: "warning", key: `slow ${cluster} ${endpoint}`, text, comesAndGoes: true }];
}

/** Whether an operator has wanted it. */
export function isByOperator({ cause }: LiveTrouble): boolean {
  return cause === "ejected by an operator";
}

/** What keeps calls away says more than what has led to it. */
function worst(troubles: readonly LiveTrouble[]): readonly LiveTrouble[] {
  const blocking = troubles.filter(({ blocks }) => blocks);
  return blocking.length > 0 ? blocking : troubles;
}

function ofLayers({ layers }: Parts, now: number): Problem[] {
  return (layers?.layers ?? []).flatMap((each) => {
    if (each.trouble === null) return [];
    const subject = [each.listener, each.route, each.cluster].filter((name) => name !== null).join(" / ");
    const key = `layer ${each.layer} ${subject}`;
    return [wrong(key, subject === "" ? each.layer : subject, troubleText(each.trouble, now), "layers")];
  });
}

function ofRoutes(parts: Parts, now: number): Problem[] {
  const found: Problem[] = [];
  for (const rates of parts.figures?.routes ?? []) {
    const { listener, route, perSecond, failedPerSecond, refusedPerSecond } = rates;
    const subject = `${listener} / ${route}`;
    const add = (key: string, what: string, part: number, cause: string, path: string | undefined): void => {
      if (part === 0) return;
      const share = percent(part / Math.max(perSecond, part));
      const text = `${what} ${rate(part)}, ${share} of its requests${cause}`;
      const problem = wrong(`${key} ${subject}`, subject, text, "routes", queryOf(path));
      found.push({ ...problem, comesAndGoes: true, affected: part });
    };
    add("failed", "fails", failedPerSecond, failureCause(parts, listener, route, now), rates.failed);
    add("refused", "refuses", refusedPerSecond, refusalCause(parts, listener, route), rates.refused);
  }
  return found;
}

function ofCertificates({ certificates = [] }: Parts, now: number): Problem[] {
  return certificates.flatMap(({ file, subject, from, to, state }) => {
    const about = subject === "" ? file : subject;
    const key = `certificate ${file} ${state}`;
    if (state === "ended")
      return [wrong(key, about, `certificate expired ${relative(to, now)} (${file})`, "certificates")];
    if (state === "not valid yet")
      return [wrong(key, about, `certificate is valid only from ${date(from)} (${file})`, "certificates")];
    if (state === "ends soon")
      return [note(key, about, `certificate expires ${relative(to, now)} (${file})`, "certificates")];
    return [];
  });
}

/** `ejected: 5 failures in a row, workers 0 and 1, ends in 12 s`. */
export function troubleText({ reason, workers: affected, until }: LiveTrouble, now: number): string {
  return [
    reason,
    ...(affected.length === 0 ? [] : [workers(affected)]),
    ...(until === null ? [] : [until <= now ? "ends now" : `ends ${relative(until, now)}`]),
  ].join(", ");
}

/** The query of a path such as `/requests?route=api`. */
export function queryOf(path: string | undefined): string | undefined {
  return path === undefined || !path.includes("?") ? undefined : path.slice(path.indexOf("?") + 1);
}
