import { createClient, type RedisClientType } from "@redis/client";
import type { FullRate, Grant } from "@pagoda/rate-limit";
import { onTestFinished } from "vitest";
import { grantOf, script, scriptArguments } from "../src/script.ts";
import { startRedis } from "./redis-server.ts";

/** The script with a clock of the test: seconds and microseconds are two more arguments. */
const timed = replaced(script, 'redis.call("TIME")', "{ ARGV[4], ARGV[5] }");
/** Redis would let keys expire by its own clock. */
const lasting = replaced(timed, /, "PX", .*$/m, ")");
/** Milliseconds of the wall clock when virtual time begins. */
const epochMs = 1_796_000_000_000;

function replaced(text: string, part: string | RegExp, by: string): string {
  const result = text.replace(part, by);
  if (result === text) throw new Error(`the script has no ${String(part)}`);
  return result;
}

/** The script in a real Redis with virtual time. */
export interface VirtualScript {
  readonly client: RedisClientType;
  /** Takes calls from a limit, or gives some back. */
  change(key: string, rate: FullRate, calls: number, nowMs: number): Promise<Grant>;
}

/** @param expires Whether keys expire, by Redis's own clock. */
export async function virtualScript({ expires = false } = {}): Promise<VirtualScript> {
  const { url } = await startRedis();
  const client: RedisClientType = createClient({ url });
  await client.connect();
  onTestFinished(() => client.destroy());
  return {
    client,
    async change(key, rate, calls, nowMs) {
      const at = epochMs + nowMs;
      const seconds = Math.floor(at / 1_000);
      const time = [seconds, Math.round((at - seconds * 1_000) * 1_000)].map(String);
      const args = [...scriptArguments(rate, calls), ...time];
      return grantOf(await client.eval(expires ? timed : lasting, { keys: [key], arguments: args }));
    },
  };
}
