import { type ChildProcess, spawn } from "node:child_process";
import type { Server } from "node:net";
import type { Clock } from "@pagoda/core";
import type { Central } from "../data-plane/central-endpoints.ts";
import type { Found } from "../data-plane/types.ts";
import { neverBlock } from "../log-output.ts";
import type {
  WorkerMethod,
  WorkerMethods,
  FromWorker,
  LeaseRequest,
  ToWorker,
  WorkerArguments,
} from "./protocol.ts";
import { SentEndpoints } from "./sent-endpoints.ts";
import type { SocketHandle } from "./sockets.ts";

/** How to start a worker process: the arguments for this executable. */
export interface WorkerCode {
  readonly args: readonly string[];
}

/** Why a worker process ended. */
export interface WorkerEnd {
  /**
   * `crash`: an uncaught error, or a signal; `memory`: its heap was full; `hang`: it did not answer
   * and was killed; `exit`: it ended without a request.
   */
  readonly reason: "crash" | "memory" | "hang" | "exit";
  readonly cause?: Error | undefined;
}

/** A worker's answer; undefined if it ended without one. */
export type Answered<T> = { readonly answer: T } | undefined;

export interface WorkerEvents {
  /** Called when it asks for its share of a limit. */
  readonly lease: (request: LeaseRequest, worker: WorkerProcess) => unknown;
  readonly found: (found: Found) => void;
  /** Called when it wrote something other than a log line, such as a warning of Node. */
  readonly stderr: (text: string) => void;
}

/**
 * Characters of a worker's standard error that are kept: the last ones name the cause of its death.
 */
const keptStderr = 8_192;

/** A worker process, as seen by the main process. It never outlives the main process. */
export class WorkerProcess {
  /** Its number. */
  readonly worker: number;
  readonly pid: number | undefined;
  /** When it was started, in milliseconds since 1970. */
  readonly startedAt: number;
  /** Settles when it has ended, whatever the reason. */
  readonly ended: Promise<WorkerEnd>;
  readonly #child: ChildProcess;
  readonly #sent = new SentEndpoints();
  readonly #waiting = new Map<number, (answered: Answered<unknown>) => void>();
  #lastId = 0;
  #isOver = false;
  #crash: Error | undefined;
  #hang: Error | undefined;
  #stderr = "";

  constructor(
    { args }: WorkerCode,
    { worker, logLevel }: WorkerArguments,
    events: WorkerEvents,
    startedAt: number,
  ) {
    this.worker = worker;
    this.startedAt = startedAt;
    const child = spawn(process.execPath, [...execArgv(), ...args, String(worker), logLevel], {
      // Its log lines go where those of the main process go. Standard error shows why V8 aborted.
      stdio: ["ignore", "inherit", "pipe", "ipc"],
      serialization: "advanced",
      env: { ...process.env, NODE_OPTIONS: nodeOptions() },
    });
    neverBlock();
    this.#child = child;
    this.pid = child.pid;
    child.on("message", (message: FromWorker) => this.#hears(message, events));
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-keptStderr);
      if (!this.#stderr.includes("FATAL ERROR")) events.stderr(text);
    });
    this.ended = new Promise((resolve) => {
      const over = (end: WorkerEnd): void => {
        this.#isOver = true;
        process.off("exit", this.#kill);
        for (const settle of this.#waiting.values()) settle(undefined);
        this.#waiting.clear();
        resolve(end);
      };
      // Starting it or sending a message failed: `close` reports whether it has ended.
      child.on("error", (error) => {
        this.#crash ??= error;
        if (child.pid === undefined) over({ reason: "crash", cause: error });
      });
      child.once("close", (_code, signal) => over(this.#endOf(signal)));
    });
    process.once("exit", this.#kill);
  }

  request<A extends WorkerMethod>(
    method: A,
    ...args: Parameters<WorkerMethods[A]>
  ): Promise<Answered<ReturnType<WorkerMethods[A]>>> {
    if (this.#isOver) return Promise.resolve(undefined);
    const id = ++this.#lastId;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve as (answered: Answered<unknown>) => void);
      this.send({ kind: "request", id, method, args });
    });
  }

  send(message: ToWorker): void {
    // An ending worker receives nothing more; its end settles pending requests.
    if (this.#child.connected) this.#child.send(message, () => {});
  }

  /** Tells it the state of a source of endpoints. */
  sendEndpoints(central: Central): void {
    this.send({ kind: "central", update: this.#sent.update(central) });
  }

  /** Lets it forget all other sources. */
  keepEndpoints(sources: ReadonlySet<string | undefined>): void {
    this.#sent.keep(sources);
    this.send({ kind: "central-kept", sources });
  }

  /** Hands over a socket, which stays open here, too. */
  give(socket: SocketHandle, listener: string): void {
    const message: ToWorker = { kind: "socket", listener };
    // Node's types know only servers and sockets.
    if (this.#child.connected) this.#child.send(message, socket as unknown as Server, () => {});
  }

  /** Lets it end, since it has nothing left to do. Kills it after `limitMs`. */
  async retire(limitMs: number, clock: Clock): Promise<void> {
    this.send({ kind: "end" });
    const timer = clock.setTimer(limitMs, this.#kill);
    await this.ended;
    clock.clearTimer(timer);
  }

  /** Kills it because it does not answer. */
  hangs(reason: string): void {
    this.#hang ??= new Error(reason);
    this.#kill();
  }

  /** Kills it at once, whatever it is doing. */
  async terminate(): Promise<void> {
    this.#kill();
    await this.ended;
  }

  readonly #kill = (): void => {
    this.#child.kill("SIGKILL");
  };

  #hears(message: FromWorker, { lease, found }: WorkerEvents): void {
    if (message.kind === "lease") {
      lease(message, this);
      return;
    }
    if (message.kind === "found") return found(message.found);
    if (message.kind === "crashed") {
      this.#crash = message.cause;
      return;
    }
    this.#waiting.get(message.id)?.({ answer: message.answer });
    this.#waiting.delete(message.id);
  }

  #endOf(signal: NodeJS.Signals | null): WorkerEnd {
    if (this.#hang !== undefined) return { reason: "hang", cause: this.#hang };
    if (this.#crash !== undefined) return { reason: "crash", cause: this.#crash };
    const fatal = /FATAL ERROR: .*/.exec(this.#stderr)?.[0];
    if (fatal?.includes("out of memory") === true) return { reason: "memory", cause: new Error(fatal) };
    if (signal === null) return { reason: "exit" };
    return { reason: "crash", cause: new Error(`ended by ${signal}\n${this.#stderr}`.trim()) };
  }
}

/**
 * Twice Node's young generation. Nearly everything that a call allocates is garbage by the next
 * collection, whose cost depends on what survives: half as many of them save 1 to 3 µs a request.
 */
const youngGeneration = "--max-semi-space-size=32";

/** Not as arguments, which a single executable would not read. What the operator has set counts. */
function nodeOptions(): string {
  return `${youngGeneration} ${process.env["NODE_OPTIONS"] ?? ""}`.trim();
}

/** The options of this process without the debugger's, whose port is taken. */
function execArgv(): readonly string[] {
  return process.execArgv.filter((flag) => !flag.startsWith("--inspect"));
}
