import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { concurrencyLimit } from "@pagoda/concurrency-limit";
import { type Either, left, right, service, type Service, ServiceBuilder } from "@pagoda/core";
import { settled } from "@pagoda/core/testing";
import { type Job, type JobsOptions, Queue, Worker } from "bullmq";
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from "vitest";
import { type Later, processor, type Task } from "../src/queue.ts";
import { find, launch, type Launched, skipWithout } from "./programs.ts";

interface Order {
  readonly lamp: string;
}

let folder: string;
let server: Launched | undefined;

beforeAll(async () => {
  if (find("redis-server") === undefined) return;
  folder = mkdtempSync(join(tmpdir(), "pagoda-redis-"));
  const args = ["--port", "0", "--unixsocket", join(folder, "socket"), "--save", "", "--dir", folder];
  server = launch("redis-server", args, { stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface({ input: server.child.stdout as Readable }))
    if (/ready to accept connections/i.test(line)) return;
  throw new Error("Redis ended before it was ready");
});

afterAll(async () => {
  if (server === undefined) return;
  await server.end();
  rmSync(folder, { recursive: true });
});

beforeEach(({ skip }) => skipWithout(skip, "redis-server"));

let queues = 0;

/** A queue, and a worker that consumes it with a stack. */
function consumed(stack: Service<Task<Order>, string, Later>) {
  const connection = { path: join(folder, "socket"), maxRetriesPerRequest: null };
  const name = `orders-${queues++}`;
  const queue = new Queue<Order, string>(name, { connection });
  const worker = new Worker<Order, string>(name, processor(stack), { connection, concurrency: 2 });
  onTestFinished(async () => {
    await worker.close();
    await queue.close();
  });
  /** Adds a job and waits until it has this outcome, which the worker reports. */
  const outcome = async (
    event: "completed" | "failed",
    options?: JobsOptions,
  ): Promise<Job<Order, string>> => {
    const reported = once(worker, event) as Promise<[Job<Order, string>]>;
    await queue.add("order", { lamp: "red" }, options);
    const [job] = await reported;
    return job;
  };
  return { queue, worker, outcome };
}

const fault = (retryable: boolean): Later => ({ _tag: "SoldOut", origin: "upstream", retryable });

function stackOf(answer: (task: Task<Order>, signal?: AbortSignal) => Promise<Either<Later, string>>) {
  return service("orders", answer);
}

test("a job's result is that of the stack", async () => {
  const { outcome } = consumed(stackOf(async ({ data, attempts }) => right(`${data.lamp} ${attempts}`)));
  expect((await outcome("completed")).returnvalue).toBe("red 0");
});

test("a job is tried again after a retryable error, as often as its attempts allow", async () => {
  const seen: number[] = [];
  const { outcome } = consumed(
    stackOf(async ({ attempts }) => {
      seen.push(attempts);
      return attempts < 2 ? left(fault(true)) : right("sent");
    }),
  );
  expect((await outcome("completed", { attempts: 3 })).returnvalue).toBe("sent");
  expect(seen).toEqual([0, 1, 2]);
});

test("a job is given up after an error that is not retryable", async () => {
  const { outcome } = consumed(stackOf(async () => left(fault(false))));
  const job = await outcome("failed", { attempts: 3 });
  expect([job.failedReason, job.attemptsMade]).toEqual(["sold out", 1]);
  expect(await job.isFailed()).toBe(true);
});

test("a job whose error says when to repeat it is delayed, and not counted as tried", async () => {
  const seen: number[] = [];
  const { outcome } = consumed(
    stackOf(async ({ attempts }) => {
      seen.push(attempts);
      return seen.length < 3 ? left({ ...fault(true), retryAfterMs: 1 }) : right("sent");
    }),
  );
  expect((await outcome("completed")).returnvalue).toBe("sent");
  expect(seen).toEqual([0, 0, 0]);
});

test("a job waits until the stack is ready", async () => {
  let concurrent = 0;
  let most = 0;
  const stack = new ServiceBuilder<Task<Order>>().layer(concurrencyLimit({ limit: 1 })).service(
    stackOf(async () => {
      most = Math.max(most, ++concurrent);
      await settled();
      concurrent--;
      return right("sent");
    }),
  );
  const { queue, worker } = consumed(stack);
  const done = new Promise<void>((resolve, reject) => {
    let completed = 0;
    worker.on("completed", () => ++completed === 10 && resolve());
    worker.on("failed", (_job, error) => reject(error));
  });
  await queue.addBulk(Array.from({ length: 10 }, () => ({ name: "order", data: { lamp: "red" } })));
  await done;
  expect(most).toBe(1);
});

test("cancelling a job aborts its call", async () => {
  const { promise: reason, resolve } = Promise.withResolvers<unknown>();
  const { promise: begun, resolve: begin } = Promise.withResolvers<string>();
  const stack = stackOf(async ({ id }, signal) => {
    begin(id as string);
    await new Promise((over) => signal?.addEventListener("abort", over));
    resolve(signal?.aborted);
    return left(fault(false));
  });
  const { worker, outcome } = consumed(stack);
  const failed = outcome("failed");
  worker.cancelJob(await begun);
  expect(await reason).toBe(true);
  expect((await failed).failedReason).toBe("sold out");
});
