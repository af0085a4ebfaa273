import { type ChildProcess, spawn } from "node:child_process";
import type { Server } from "node:net";
import type { Clock } from "@pagoda/core";
import { type Either, left, right } from "fp-ts/lib/Either.js";
import { neverBlock } from "../log-output.ts";
import type { SocketHandle, SocketsByName } from "./sockets.ts";

/** Tells a process that it takes another one's place, and gets its sockets. */
const flag = "PAGODA_REPLACES";
/** Milliseconds that a process may take until it serves. */
const startMs = 120_000;

type ToSuccessor =
  | { readonly kind: "socket"; readonly name: string }
  | { readonly kind: "all"; readonly ticketSecret: Uint8Array };
type FromSuccessor = { readonly kind: "serving" };

/**
 * Starts this very program once more, as it lies on the disk now, and hands it the sockets: it listens on the same ones,
 * so that no connection is lost between the two. `Right`: its process id, once it serves. `Left`: why it does not, and
 * nothing has changed.
 *
 * @param args The whole command line but for the executable.
 */
export async function startSuccessor(
  args: readonly string[],
  sockets: SocketsByName,
  ticketSecret: Uint8Array,
  clock: Clock,
): Promise<Either<string, number>> {
  const child = spawn(process.execPath, args, {
    env: { ...process.env, [flag]: "1" },
    stdio: ["inherit", "inherit", "inherit", "ipc"],
    serialization: "advanced",
  });
  neverBlock();
  const settled = Promise.withResolvers<Either<string, number>>();
  child.on("error", (error) => settled.resolve(left(error.message)));
  child.once("exit", (code, signal) =>
    settled.resolve(left(`it ended with ${signal ?? `exit code ${code}`}`)),
  );
  child.once("message", (_message: FromSuccessor) => settled.resolve(right(child.pid as number)));
  for (const [name, all] of sockets) for (const socket of all) tell(child, { kind: "socket", name }, socket);
  tell(child, { kind: "all", ticketSecret });
  const timer = clock.setTimer(startMs, () => {
    child.kill("SIGKILL");
    settled.resolve(left(`it did not serve within ${startMs / 1_000} s`));
  });
  const result = await settled.promise;
  clock.clearTimer(timer);
  if (child.connected) child.disconnect();
  child.unref();
  return result;
}

function tell(child: ChildProcess, message: ToSuccessor, socket?: SocketHandle): void {
  // Node's types know servers and sockets only.
  if (child.connected) child.send(message, socket as unknown as Server, () => {});
}

/** The process that this one replaces. */
export interface Predecessor {
  readonly sockets: SocketsByName;
  /** Of the keys with which it sealed the TLS sessions of clients; `undefined`: it has ended before it could say. */
  readonly ticketSecret?: Uint8Array;
  /** This one serves: the other one may drain. */
  serves(): void;
}

/** `undefined`: this process replaces none. It settles when all sockets are here. */
export function predecessor(): Promise<Predecessor> | undefined {
  if (process.env[flag] === undefined || process.send === undefined) return undefined;
  // A program that this one starts replaces nobody.
  delete process.env[flag];
  return new Promise((resolve) => {
    const sockets = new Map<string, SocketHandle[]>();
    // The other one has ended: what it has handed over is what there is.
    const gone = (): void => resolve({ sockets, serves });
    process.once("disconnect", gone);
    process.on("message", (message: ToSuccessor, handle: unknown) => {
      if (message.kind === "socket") {
        const all = sockets.get(message.name);
        if (all === undefined) sockets.set(message.name, [handle as SocketHandle]);
        else all.push(handle as SocketHandle);
        return;
      }
      process.off("disconnect", gone);
      resolve({ sockets, ticketSecret: message.ticketSecret, serves });
    });
  });
}

function serves(): void {
  const message: FromSuccessor = { kind: "serving" };
  // It closes the channel when it has heard of it.
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
  process.removeAllListeners("message");
}
