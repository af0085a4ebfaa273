import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { request } from "node:http";
import type { Readable, Writable } from "node:stream";
import { expect, test } from "vitest";
import { head } from "./client.ts";
import { origin } from "./origin.ts";
import { Pagoda } from "./program.ts";

const mebibyte = 1_048_576;
const gibibyte = 1_024 * mebibyte;
const warmUpBytes = 128 * mebibyte;
/** How much the proxy's resident memory may grow while 1 GiB passes. */
const allowedBytes = 64 * mebibyte;

/**
 * A repeated block of random bytes, so that each byte of a stream has one right value, compared in
 * place ten times as fast as by a hash. Its length is prime, so that no buffer's length divides it.
 */
const block = randomBytes(1_048_573);
const twice = Buffer.concat([block, block]);

function content(at: number, length: number): Buffer {
  const from = at % block.length;
  return twice.subarray(from, from + Math.min(length, block.length));
}

/** One end of a stream. */
class Progress {
  bytes = 0;
  /** Number of wrong bytes. */
  wrong = 0;

  take(chunk: Buffer): void {
    if (!chunk.equals(content(this.bytes, chunk.length))) this.wrong += chunk.length;
    this.bytes += chunk.length;
  }
}

/** Writes the content up to a length, as fast as it is read. */
async function write(out: Writable, length: number, progress: Progress): Promise<void> {
  while (progress.bytes < length) {
    const chunk = content(progress.bytes, Math.min(256 * 1_024, length - progress.bytes));
    progress.bytes += chunk.length;
    if (!out.write(chunk)) await once(out, "drain");
  }
  out.end();
}

/** Reads to the end, pausing until the returned promise settles. */
async function read(
  from: Readable,
  progress: Progress,
  pause: (bytes: number) => Promise<void>,
): Promise<void> {
  for await (const chunk of from) {
    progress.take(chunk as Buffer);
    await pause(progress.bytes);
  }
}

function residentBytes({ pid }: Pagoda): number {
  const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kibibytes) * 1_024;
}

/** Watches the proxy's memory while bytes pass. */
class Memory {
  readonly #pagoda: Pagoda;
  /** The maximum during warm-up. */
  warm = 0;
  /** The maximum since. */
  most = 0;
  #next = 0;

  constructor(pagoda: Pagoda) {
    this.#pagoda = pagoda;
  }

  look(): void {
    this.most = Math.max(this.most, residentBytes(this.#pagoda));
  }

  /** Samples every 4 MiB. */
  passed(bytes: number): void {
    if (bytes < this.#next) return;
    this.#next = bytes + 4 * mebibyte;
    this.look();
  }

  isWarm(): void {
    this.warm = this.most;
    this.most = 0;
    this.#next = 0;
  }

  get growth(): number {
    return this.most - this.warm;
  }
}

/**
 * Settles when the writer has stopped because nobody reads: when nothing was taken during 100 turns
 * of the proxy's event loop, each shown by a response of its admin endpoint. A proxy that buffers
 * unread data never stops the writer, which then reaches the end.
 */
async function blocked(pagoda: Pagoda, writer: Progress, memory: Memory): Promise<void> {
  let still = 0;
  let before = writer.bytes;
  while (still < 100 && writer.bytes < gibibyte) {
    await pagoda.admin("/health");
    still = writer.bytes === before ? still + 1 : 0;
    before = writer.bytes;
  }
  memory.look();
}

/** Where the slow reader pauses. */
const breaks = [8 * mebibyte, 300 * mebibyte, 900 * mebibyte];

/** Reads with pauses and returns how far the writer was ahead at most when it stopped. */
function slowly(
  pagoda: Pagoda,
  writer: Progress,
  memory: Memory,
): { readonly pause: (bytes: number) => Promise<void>; readonly aheadBytes: () => number } {
  const left = [...breaks];
  let ahead = 0;
  return {
    async pause(bytes) {
      memory.passed(bytes);
      if (left[0] === undefined || bytes < left[0]) return;
      left.shift();
      await blocked(pagoda, writer, memory);
      ahead = Math.max(ahead, writer.bytes - bytes);
    },
    aheadBytes: () => (left.length === 0 ? ahead : NaN),
  };
}

function check({ read, memory, aheadBytes }: { read: Progress; memory: Memory; aheadBytes: number }): void {
  expect(read).toMatchObject({ bytes: gibibyte, wrong: 0 });
  expect(memory.growth).toBeLessThan(allowedBytes);
  // The system's socket buffers hold some tens of MiB; without backpressure the writer would be
  // ahead by the whole rest.
  expect(aheadBytes).toBeLessThan(100 * mebibyte);
}

test("1 GiB down, also to a slow reader, arrives intact without growing memory", async () => {
  let written = new Progress();
  await using upstream = await origin((message, response) => {
    const length = Number(message.url?.slice(1));
    void write(response, length, (written = new Progress()));
  });
  await using pagoda = await Pagoda.start({ PROXY_UPSTREAM_ADDRS: upstream.url });
  const memory = new Memory(pagoda);

  const warmUp = new Progress();
  await read(await head(`${pagoda.url}/${warmUpBytes}`), warmUp, async (bytes) => memory.passed(bytes));
  expect(warmUp).toMatchObject({ bytes: warmUpBytes, wrong: 0 });
  memory.isWarm();

  const got = new Progress();
  const response = await head(`${pagoda.url}/${gibibyte}`);
  const reader = slowly(pagoda, written, memory);
  await read(response, got, reader.pause);
  check({ read: got, memory, aheadBytes: reader.aheadBytes() });
});

test("1 GiB up, also to a slow reader, arrives intact without growing memory", async () => {
  let got = new Progress();
  let pause: (bytes: number) => Promise<void>;
  await using upstream = await origin(async (message, response) => {
    await read(message, (got = new Progress()), pause);
    response.end(String(got.bytes));
  });
  await using pagoda = await Pagoda.start({ PROXY_UPSTREAM_ADDRS: upstream.url });
  const memory = new Memory(pagoda);

  async function send(length: number, progress: Progress): Promise<number | undefined> {
    const out = request(pagoda.url, { method: "PUT", headers: { "content-length": length } });
    const answered = once(out, "response") as Promise<[Readable & { statusCode: number }]>;
    await write(out, length, progress);
    const [message] = await answered;
    message.resume();
    return message.statusCode;
  }

  pause = async (bytes) => memory.passed(bytes);
  expect(await send(warmUpBytes, new Progress())).toBe(200);
  expect(got).toMatchObject({ bytes: warmUpBytes, wrong: 0 });
  memory.isWarm();

  const written = new Progress();
  const reader = slowly(pagoda, written, memory);
  pause = reader.pause;
  expect(await send(gibibyte, written)).toBe(200);
  check({ read: got, memory, aheadBytes: reader.aheadBytes() });
});
