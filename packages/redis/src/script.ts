import { createHash } from "node:crypto";
import type { FullRate, Grant } from "@pagoda/rate-limit";

/**
 * The generic cell rate algorithm on one key, by Redis's clock. The value of a key is its
 * theoretical arrival time (TAT) in cells, and the rate that defines them: a store with another
 * rate takes over the debt as time, up to one burst. A key without debt is deleted, since it equals
 * a new one.
 *
 * Arguments: calls per second, burst, and calls to take, negative to give back. Returns the number
 * of calls granted, the milliseconds until one more would be, as a string since Redis truncates
 * numbers, and how many more would be granted now.
 *
 * Time starts in 2026, so that cells at a million per second are rounded to 1/64 for decades.
 */
export const script = `
local rate, burst, want = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call("TIME")
local at = (time[1] - 1767225600) * rate + time[2] * rate / 1000000
local tat = at
local kept = redis.call("GET", KEYS[1])
local cells, former = string.match(kept or "", "^(%S+) (%S+)$")
if cells then
  tat = tonumber(cells)
  if former ~= ARGV[1] then tat = tat / tonumber(former) * rate end
  tat = math.max(at, math.min(tat, at + burst))
end
local rounding = (at + burst) * 2 ^ -50
local granted = math.min(want, math.max(0, math.floor(burst - (tat - at) + rounding)))
tat = tat + granted
if tat > at then
  local value = string.format("%.17g %s", tat, ARGV[1])
  redis.call("SET", KEYS[1], value, "PX", math.min(math.ceil((tat - at) / rate * 1000) + 1, 1e15))
elseif kept then
  redis.call("DEL", KEYS[1])
end
local early = tat + 1 - burst - at
local left = math.max(0, math.floor(burst - (tat - at) + rounding))
return { granted, string.format("%.17g", early <= rounding and 0 or early / rate * 1000), left }
`;

/** The name under which Redis caches the script. */
export const digest: string = createHash("sha1").update(script).digest("hex");

/** Whether Redis does not know the script, at first or after a restart. */
export function isUnknownScript({ message }: Error): boolean {
  return message.startsWith("NOSCRIPT");
}

/** The arguments of the script. */
export function scriptArguments({ perSecond, burst }: FullRate, calls: number): string[] {
  return [perSecond, burst, calls].map(String);
}

/**
 * Reads the script's reply.
 *
 * @throws Error if the server has replied something else.
 */
export function grantOf(reply: unknown): Grant {
  const [granted, retryAfter, left] = Array.isArray(reply) ? (reply as readonly unknown[]) : [];
  const retryAfterMs = typeof retryAfter === "string" ? Number(retryAfter) : NaN;
  if (!Number.isInteger(granted) || !(retryAfterMs >= 0) || !Number.isInteger(left))
    throw new Error("unexpected reply to the script");
  return { granted: granted as number, retryAfterMs, left: left as number };
}
