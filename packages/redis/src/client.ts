import { createClient } from "@redis/client";
import type { Clock } from "@pagoda/core";
import type { RedisTls } from "./options.ts";
import type { Server } from "./server.ts";

/**
 * Commands that may wait for a reply, so that a silent server fills no memory. More than clients
 * that come at once: a command refused for this makes the server count as unreachable, which an attacker
 * with thousands of invented clients must not achieve.
 */
const mostPending = 10_000;
/** Milliseconds for connecting and logging in. */
export const connectMs = 2_000;

/** The part of a client that is used here, without its types for all commands. */
export interface Client {
  readonly isReady: boolean;
  on(event: "error" | "connect", listener: (error: Error) => void): unknown;
  connect(): Promise<unknown>;
  sendCommand(args: readonly string[]): Promise<unknown>;
  destroy(): void;
}

/** A client that neither reconnects nor keeps commands while it is not connected. */
export function clientOf(server: Server, tls: RedisTls): Client {
  return createClient({
    socket: {
      host: server.host,
      port: server.port,
      connectTimeout: connectMs,
      reconnectStrategy: false,
      ...(server.isTls && { tls: true, ...tls }),
    },
    ...(server.username !== undefined && { username: server.username }),
    ...(server.password !== undefined && { password: server.password }),
    database: server.database,
    disableOfflineQueue: true,
    disableClientInfo: true,
    commandsQueueMaxLength: mostPending,
    maintNotifications: "disabled",
  });
}

/** Connects, asks one question and disconnects. Rejects if that takes too long. */
export async function askOnce(
  server: Server,
  tls: RedisTls,
  question: readonly string[],
  clock: Clock,
): Promise<unknown> {
  const client = clientOf(server, tls);
  const failed = Promise.withResolvers<never>();
  let isOver = false;
  client.on("error", failed.reject);
  client.on("connect", () => isOver && client.destroy());
  const timer = clock.setTimer(connectMs, () => failed.reject(new Error(`no reply within ${connectMs} ms`)));
  try {
    const asked = client.connect().then(() => client.sendCommand(question));
    return await Promise.race([asked, failed.promise]);
  } finally {
    isOver = true;
    clock.clearTimer(timer);
    client.destroy();
  }
}
