import type { LiveTrouble } from "../../src/live/snapshot.ts";
import { count, date, duration, percent, rate, relative, workers } from "./format.ts";
import type { Parts } from "./parts.ts";

/** Something that is wrong now, or that an operator should know. */
export interface Problem {
  /** The same for as long as it is the same problem, whatever its numbers. */
  readonly key: string;
  readonly level: "wrong" | "note";
  /** What it is about: `shop: 10.0.0.7:80`. */
  readonly subject: string;
  /** A sentence without the subject. */
  readonly text: string;
  /** The query of the requests behind it, as of `/requests`. */
  readonly requests?: string | undefined;
  /** The section that shows more. */
  readonly section: string;
}

/** What is wrong, the worst first. */
export function problemsOf(parts: Parts, now: number): readonly Problem[] {
  const all = [
    ...ofProxy(parts),
    ...ofWorkers(parts),
    ...ofReloads(parts, now),
    ...ofClusters(parts, now),
    ...ofLayers(parts, now),
    ...ofRoutes(parts),
    ...ofCertificates(parts, now),
    ...(parts.proxy?.warnings ?? []).map((text): Problem =>
      note(`warning ${text}`, "configuration", text, "reloads"),
    ),
  ];
  return [...all.filter(({ level }) => level === "wrong"), ...all.filter(({ level }) => level === "note")];
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

function ofClusters({ clusters = [] }: Parts, now: number): Problem[] {
  return clusters.flatMap(({ cluster, endpoints, healthy, reason, panicking, shown }) => [
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
    ...shown.flatMap(({ endpoint, troubles }) =>
      worst(troubles).map((trouble) =>
        (isByOperator(trouble) ? note : wrong)(
          `endpoint ${cluster} ${endpoint} ${trouble.cause}`,
          `${cluster}: ${endpoint}`,
          troubleText(trouble, now),
          "clusters",
          `cluster=${encodeURIComponent(cluster)}&endpoint=${encodeURIComponent(endpoint)}`,
        ),
      ),
    ),
  ]);
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

function ofRoutes({ figures }: Parts): Problem[] {
  const found: Problem[] = [];
  for (const rates of figures?.routes ?? []) {
    const { listener, route, perSecond, failedPerSecond, refusedPerSecond } = rates;
    const subject = `${listener} / ${route}`;
    const text = (what: string, part: number): string =>
      `${what} ${rate(part)}, ${percent(part / Math.max(perSecond, part))} of its requests`;
    if (failedPerSecond > 0)
      found.push(
        wrong(`failed ${subject}`, subject, text("fails", failedPerSecond), "routes", queryOf(rates.failed)),
      );
    if (refusedPerSecond > 0)
      found.push(
        wrong(
          `refused ${subject}`,
          subject,
          text("refuses", refusedPerSecond),
          "routes",
          queryOf(rates.refused),
        ),
      );
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
