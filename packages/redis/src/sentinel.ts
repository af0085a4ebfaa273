import type { Clock } from "@pagoda/core";
import { askOnce } from "./client.ts";
import type { RedisTls } from "./options.ts";
import { addressOf, type Server } from "./server.ts";

export interface SentinelOptions {
  readonly sentinels: readonly Server[];
  /** The name of the master. */
  readonly master: string;
  readonly tls: RedisTls;
  readonly clock: Clock;
}

/**
 * Asks sentinels, in order, where the master is. Rejects if none knows.
 *
 * Source: "Guidelines for Redis clients with support for Redis Sentinel".
 */
export async function masterOf({ sentinels, master, tls, clock }: SentinelOptions): Promise<Server> {
  let reason = "";
  for (const sentinel of sentinels) {
    try {
      const reply = await askOnce(sentinel, tls, ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", master], clock);
      const [host, port] = Array.isArray(reply) ? (reply as readonly unknown[]) : [];
      if (typeof host === "string" && Number(port) > 0) return { ...sentinel, host, port: Number(port) };
      reason = `sentinel ${addressOf(sentinel)} knows no master "${master}"`;
    } catch (error) {
      reason = `sentinel ${addressOf(sentinel)}: ${(error as Error).message}`;
    }
  }
  throw new Error(reason);
}
