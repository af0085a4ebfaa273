import { isToken } from "@pagoda/http/grammar";
import { durationText } from "./quantities.ts";

/** The path of a value in a configuration: `listeners`, 0, `routes`, … */
export type Path = readonly (string | number)[];

/**
 * Reports a problem.
 *
 * @param by The paths that it depends on, if not only on `path`: nothing is reported while one of
 * them is invalid.
 */
export type Report = (path: Path, message: string, by?: readonly Path[]) => void;

/** Checks that one duration is not longer than another, which may be a default. */
export function checkOrder(
  path: Path,
  [name, ms]: readonly [name: string, ms: number],
  [limit, limitMs]: readonly [name: string, ms: number],
  report: Report,
): void {
  if (ms <= limitMs) return;
  const at: Path = [...path, name];
  const message = `must be at most ${limit}, which is ${durationText(limitMs)} (got ${durationText(ms)})`;
  report(at, message, [at, [...path, limit]]);
}

/** The name of a header field. */
export function checkField(path: Path, name: string, report: Report): void {
  if (!isToken(name)) report(path, `must be the name of a header field (got "${name}")`);
}
