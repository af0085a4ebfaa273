import type { HttpHeaders } from "@pagoda/http";

/** How many nanoseconds the units of `grpc-timeout` have: whole numbers, so that nothing is lost by rounding. */
const units: Readonly<Record<string, number>> = {
  H: 3_600_000_000_000,
  M: 60_000_000_000,
  S: 1_000_000_000,
  m: 1_000_000,
  u: 1_000,
  n: 1,
};
const nsPerMs = 1_000_000;

/** For writing, the finest first; a microsecond is as fine as a timer gets. */
const written = ["u", "m", "S", "M", "H"] as const;

/** The value has eight digits at most. */
const most = 99_999_999;

/**
 * Milliseconds that a request's `grpc-timeout` gives; `undefined` where there is none; NaN where it is malformed: another
 * form than up to eight digits and a unit, or given twice.
 */
export function readTimeout(headers: HttpHeaders): number | undefined {
  const first = headers.get("grpc-timeout");
  if (first === undefined) return undefined;
  const [, digits, unit = ""] = /^(\d{1,8})([HMSmun])$/.exec(first) ?? [];
  if (digits === undefined || headers.all("grpc-timeout").length > 1) return NaN;
  return (Number(digits) * (units[unit] as number)) / nsPerMs;
}

/** So many milliseconds as `grpc-timeout` gives them: never more, unless that were nothing. */
export function writeTimeout(ms: number): string {
  for (const unit of written) {
    const value = Math.floor((ms * nsPerMs) / (units[unit] as number));
    if (value <= most) return `${Math.max(1, value)}${unit}`;
  }
  return `${most}H`;
}
