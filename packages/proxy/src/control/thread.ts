import { Worker, type WorkerOptions } from "node:worker_threads";
import type { Ask, Asks, Question, Reply, WorkerData } from "./protocol.ts";

/** The code of a worker thread: a module, or its text. */
export interface WorkerCode {
  readonly code: URL | string;
  readonly options?: WorkerOptions;
}

/** Why a thread has ended. */
export interface ThreadEnd {
  /** `crash`: an error that nobody caught; `memory`: its heap was full; `exit`: it ended by itself. */
  readonly reason: "crash" | "memory" | "exit";
  readonly cause?: Error | undefined;
}

/** What a thread has answered; `undefined`: it has ended without an answer. */
export type Answered<T> = { readonly answer: T } | undefined;

/** A worker thread, as the main thread sees it. */
export class Thread {
  /** Its number. */
  readonly worker: number;
  /** Settles when it has ended, whatever the reason. */
  readonly ended: Promise<ThreadEnd>;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, (answered: Answered<unknown>) => void>();
  #lastId = 0;
  #isOver = false;

  constructor({ code, options }: WorkerCode, data: WorkerData) {
    this.worker = data.worker;
    const worker = new Worker(code, {
      ...options,
      name: `worker ${data.worker}`,
      workerData: data,
      // Signals and flags are the main thread's matter.
      argv: [],
    });
    this.#worker = worker;
    worker.on("message", ({ id, answer }: Reply) => {
      this.#waiting.get(id)?.({ answer });
      this.#waiting.delete(id);
    });
    let cause: Error | undefined;
    worker.once("error", (error) => (cause = error instanceof Error ? error : new Error(String(error))));
    this.ended = new Promise((resolve) => {
      worker.once("exit", () => {
        this.#isOver = true;
        for (const settle of this.#waiting.values()) settle(undefined);
        this.#waiting.clear();
        resolve({ reason: reasonOf(cause), cause });
      });
    });
  }

  ask<A extends Ask>(ask: A, ...args: Parameters<Asks[A]>): Promise<Answered<ReturnType<Asks[A]>>> {
    if (this.#isOver) return Promise.resolve(undefined);
    const id = ++this.#lastId;
    const question: Question<A> = { id, ask, args };
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve as (answered: Answered<unknown>) => void);
      this.#worker.postMessage(question);
    });
  }

  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }
}

function reasonOf(cause: Error | undefined): ThreadEnd["reason"] {
  if (cause === undefined) return "exit";
  return (cause as NodeJS.ErrnoException).code === "ERR_WORKER_OUT_OF_MEMORY" ? "memory" : "crash";
}
