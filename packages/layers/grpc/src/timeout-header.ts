import type { HttpHeaders } from "@pagoda/http";

/** The units of `grpc-timeout` in nanoseconds, as integers to avoid rounding errors. */
const units: Readonly<Record<string, number>> = {
  H: 3_600_000_000_000,
  M: 60_000_000_000,
  S: 1_000_000_000,
  m: 1_000_000,
  u: 1_000,
  n: 1,
};
const nsPerMs = 1_000_000;

/** Units for writing, finest first. Timers are no finer than microseconds. */
const written = ["u", "m", "S", "M", "H"] as const;

/** The largest value: eight digits. */
const most = 99_999_999;

/**
 * Returns a request's `grpc-timeout` in milliseconds; `undefined` if there is none; NaN if it is
 * repeated or is not up to eight digits and a unit.
 */
export function readTimeout(headers: HttpHeaders): number | undefined {
  const first = headers.get("grpc-timeout");
  if (first === undefined) return undefined;
  const [, digits, unit = ""] = /^(\d{1,8})([HMSmun])$/.exec(first) ?? [];
  if (digits === undefined || headers.all("grpc-timeout").length > 1) return NaN;
  return (Number(digits) * (units[unit] as number)) / nsPerMs;
}

/** Formats milliseconds as a `grpc-timeout`, rounded down but never to 0. */
export function writeTimeout(ms: number): string {
  for (const unit of written) {
    const value = Math.floor((ms * nsPerMs) / (units[unit] as number));
    if (value <= most) return `${Math.max(1, value)}${unit}`;
  }
  return `${most}H`;
}
