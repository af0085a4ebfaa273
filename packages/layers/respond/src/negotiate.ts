import { hasAt, membersOf } from "@pagoda/http/grammar";

/**
 * Whether a client asks for problems by `Accept` (RFC 9110, 12.5.1): it names
 * `application/problem+json`, `application/json` or `application/*`, and does not prefer text. A
 * client that accepts anything, as curl and browsers do, does not ask.
 *
 * @param accepted The values of the field, one for each line.
 */
export function asksForProblem(accepted: readonly string[]): boolean {
  const ranges = accepted.flatMap(membersOf).map(parse);
  const json = ranges.filter(({ type }) => jsonTypes.has(type)).map(({ quality }) => quality);
  // Without a named JSON type: -Infinity.
  const asked = Math.max(...json);
  return asked > 0 && asked >= qualityOfText(ranges);
}

const jsonTypes: ReadonlySet<string> = new Set([
  "application/problem+json",
  "application/json",
  "application/*",
]);

interface Range {
  /** In lower case. */
  readonly type: string;
  readonly quality: number;
}

function parse(member: string): Range {
  const [type = "", ...parameters] = member.split(";").map((part) => part.trim());
  const weight = parameters.find((parameter) => hasAt(parameter, 0, "q="));
  const quality = weight === undefined ? 1 : Number(weight.slice(2));
  // A malformed weight does not ask for anything.
  return { type: type.toLowerCase(), quality: quality >= 0 && quality <= 1 ? quality : 0 };
}

/** The most specific range counts. */
function qualityOfText(ranges: readonly Range[]): number {
  for (const wanted of ["text/plain", "text/*", "*/*"]) {
    const range = ranges.find(({ type }) => type === wanted);
    if (range !== undefined) return range.quality;
  }
  return 0;
}
