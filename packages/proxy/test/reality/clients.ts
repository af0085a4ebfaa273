import { Agent, request } from "node:http";
import { exponentialTime } from "@pagoda/core/testing";
import type { Load } from "../../src/simulation/scenario/schema.ts";
import { arrivals } from "../../src/simulation/world/workload.ts";

/** How a real request ended. */
export interface Answered {
  readonly durationMs: number;
  /** 0 if there was no response. */
  readonly status: number;
}

/** The answers to all requests, and how much other work held up the process that made them. */
export interface Sent {
  readonly answers: readonly Answered[];
  /** How late each of its timers fired. */
  readonly lateMs: readonly number[];
}

/** Makes the requests that a simulation makes, at the same times. */
export class RealClients {
  readonly #url: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: Infinity });

  constructor(url: string) {
    this.#url = url;
  }

  /** Waits until a proxy and its origins have compiled their code: the first requests are slower. */
  async warmUp(count: number): Promise<void> {
    for (let n = 0; n < count; n++) await this.#one();
  }

  async send(loads: readonly Load[], seed: number): Promise<Sent> {
    const lateMs: number[] = [];
    const answers = await Promise.all(loads.map((load, at) => this.#load(load, seed, at, lateMs)));
    return { answers: answers.flat(), lateMs };
  }

  close(): void {
    this.#agent.destroy();
  }

  #load(load: Load, seed: number, at: number, lateMs: number[]): Promise<readonly Answered[]> {
    const random = arrivals(seed, at);
    const began = performance.now();
    const all: Promise<Answered>[] = [];
    return new Promise((resolve) => {
      let dueMs = load.at;
      const next = (): void => {
        dueMs += exponentialTime(random, 1_000 / load.rate);
        if (dueMs >= load.at + load.for) {
          resolve(Promise.all(all));
          return;
        }
        setTimeout(
          () => {
            lateMs.push(performance.now() - began - dueMs);
            all.push(this.#one());
            // As the simulation, which draws a client for each request.
            random();
            next();
          },
          Math.max(0, began + dueMs - performance.now()),
        );
      };
      next();
    });
  }

  #one(): Promise<Answered> {
    const began = performance.now();
    return new Promise((resolve) => {
      const ended = (status: number): void => resolve({ durationMs: performance.now() - began, status });
      request(this.#url, { agent: this.#agent }, (response) => {
        response.once("end", () => ended(response.statusCode ?? 0));
        response.once("error", () => ended(0));
        response.resume();
      })
        .once("error", () => ended(0))
        .end();
    });
  }
}
