import { type ChildProcess, spawn } from "node:child_process";
import type { Server } from "node:net";
import { type Clock, type Either, left, right } from "@pagoda/core";
import { neverBlock } from "../log-output.ts";
import type { EjectedEndpoint } from "../data-plane/ejected-endpoints.ts";
import type { SocketHandle, SocketsByName } from "./sockets.ts";

/** Marks a process as a replacement, which receives sockets. */
const flag = "PAGODA_REPLACES";
/** Milliseconds that a process may take until it serves. */
const startMs = 120_000;

type ToSuccessor =
  | { readonly kind: "socket"; readonly name: string }
  | ({ readonly kind: "all" } & Inheritance);
type FromSuccessor = { readonly kind: "serving" };

/** What a replacement continues with, besides the sockets. */
export interface Inheritance {
  /** The secret that seals TLS sessions of clients. */
  readonly ticketSecret: Uint8Array;
  /** The endpoints that an operator has ejected. */
  readonly ejected: readonly EjectedEndpoint[];
}

/**
 * Starts this program again from disk and hands it the sockets, so no connection is lost between
 * the two. `Right`: its process id, once it serves. `Left`: why it does not; nothing has changed.
 *
 * @param args The whole command line, without the executable.
 */
export async function startSuccessor(
  args: readonly string[],
  sockets: SocketsByName,
  inheritance: Inheritance,
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
  for (const [name, all] of sockets) for (const socket of all) send(child, { kind: "socket", name }, socket);
  send(child, { kind: "all", ...inheritance });
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

function send(child: ChildProcess, message: ToSuccessor, socket?: SocketHandle): void {
  // Node's types know only servers and sockets.
  if (child.connected) child.send(message, socket as unknown as Server, () => {});
}

/** The process that this one replaces. */
export interface Predecessor {
  readonly sockets: SocketsByName;
  /** Undefined if the process ended before sending it. */
  readonly inheritance?: Inheritance;
  /** Reports that this process serves, so the old one may drain. */
  serves(): void;
}

/** Settles when all sockets have arrived; undefined if this process replaces none. */
export function predecessor(): Promise<Predecessor> | undefined {
  if (process.env[flag] === undefined || process.send === undefined) return undefined;
  // Child processes of this program are not replacements.
  delete process.env[flag];
  return new Promise((resolve) => {
    const sockets = new Map<string, SocketHandle[]>();
    // The old process has ended: nothing more will arrive.
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
      resolve({ sockets, inheritance: message, serves });
    });
  });
}

function serves(): void {
  const message: FromSuccessor = { kind: "serving" };
  // It closes the channel after receiving the report.
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
  process.removeAllListeners("message");
}
