import { fstatSync, write, writeSync } from "node:fs";
import { isatty } from "node:tty";
import type { Clock } from "@pagoda/core";
import { Counter, type Registry } from "prom-client";

/**
 * Writes one chunk after the other.
 *
 * @param done Called once, with the bytes written and the error if that was not all.
 */
export type Sink = (chunk: Buffer, done: (written: number, error?: Error) => void) => void;

export interface LogOutputOptions {
  /** Bytes that may wait to be written: an integer of at least 1. Default 1,048,576. */
  readonly maxPendingBytes?: number;
  /**
   * Bytes written at once, unless a single line is longer: an integer of at least 1. Default
   * 65,536.
   */
  readonly chunkBytes?: number;
}

/**
 * A log destination. It never blocks, never throws and never grows without bound: when nobody reads
 * or the disk is full, lines are dropped and counted, and the program continues.
 *
 * Lines of one turn of the event loop are written together.
 *
 * Not pino's own destination: in asynchronous mode it writes on a thread of libuv's pool, and a
 * thread blocked by a pipe that nobody reads keeps the process from ending.
 */
export class LogOutput {
  readonly #sink: Sink;
  readonly #maxPendingBytes: number;
  readonly #chunkBytes: number;
  #lines: string[] = [];
  /** Bytes of the waiting lines and of those being written. */
  #pendingBytes = 0;
  #isWriting = false;
  #isScheduled = false;
  /** A line was written in part, so the next one must start a new line. */
  #isTorn = false;
  #dropped = 0;
  /** Lines dropped since the last report. */
  #untold = 0;
  readonly #flushed = new Set<() => void>();
  /** Called with the number of dropped lines once lines can be written again. */
  onRecovered: ((dropped: number) => void) | undefined;

  constructor(sink: Sink, { maxPendingBytes = 1_048_576, chunkBytes = 65_536 }: LogOutputOptions = {}) {
    this.#sink = sink;
    this.#maxPendingBytes = maxPendingBytes;
    this.#chunkBytes = chunkBytes;
  }

  /** Lines dropped so far. */
  get dropped(): number {
    return this.#dropped;
  }

  /** @param line Ends in a line feed. */
  write(line: string): void {
    const bytes = Buffer.byteLength(line);
    if (this.#pendingBytes + bytes > this.#maxPendingBytes) return this.#drop(1);
    this.#lines.push(line);
    this.#pendingBytes += bytes;
    if (this.#isScheduled || this.#isWriting) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#next();
    });
  }

  /**
   * Settles when all lines so far have been written or dropped, after `limitMs` milliseconds at the
   * latest.
   */
  flush(limitMs: number, clock: Clock): Promise<void> {
    if (this.#pendingBytes === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        clock.clearTimer(timer);
        this.#flushed.delete(done);
        resolve();
      };
      const timer = clock.setTimer(limitMs, done);
      this.#flushed.add(done);
    });
  }

  /** Takes the unwritten lines, for the end of a process that no longer awaits anything. */
  takeRest(): string {
    const rest = this.#isWriting ? "" : this.#lines.join("");
    this.#lines = [];
    return rest;
  }

  #next(): void {
    if (this.#isWriting || this.#lines.length === 0) return;
    this.#isWriting = true;
    const chunk = this.#chunk();
    this.#sink(chunk, (written, error) => {
      this.#isWriting = false;
      this.#pendingBytes -= chunk.byteLength;
      if (error === undefined) this.#recover();
      else this.#failed(chunk, written);
      this.#next();
      if (this.#pendingBytes === 0) for (const done of this.#flushed) done();
    });
  }

  /** Whole lines, as many as are written at once. */
  #chunk(): Buffer {
    if (this.#isTorn) {
      this.#isTorn = false;
      this.#pendingBytes += 1;
      this.#lines.unshift("\n");
    }
    let bytes = 0;
    let count = 0;
    for (const line of this.#lines) {
      const more = Buffer.byteLength(line);
      if (count > 0 && bytes + more > this.#chunkBytes) break;
      bytes += more;
      count++;
    }
    return Buffer.from(this.#lines.splice(0, count).join(""));
  }

  #failed(chunk: Buffer, written: number): void {
    this.#isTorn = written > 0 && chunk[written - 1] !== lineFeed;
    let lines = 0;
    for (let at = written; at < chunk.byteLength; at++) if (chunk[at] === lineFeed) lines++;
    this.#drop(lines);
  }

  #drop(lines: number): void {
    this.#dropped += lines;
    this.#untold += lines;
  }

  #recover(): void {
    const dropped = this.#untold;
    if (dropped === 0) return;
    this.#untold = 0;
    this.onRecovered?.(dropped);
  }
}

/** The metric of dropped lines, one for each process. */
export function countDropped(output: LogOutput, registry: Registry): void {
  new Counter({
    name: "pagoda_log_lines_dropped_total",
    help: "Log lines dropped because the output was blocked or the disk was full",
    registers: [registry],
    collect() {
      this.reset();
      this.inc(output.dropped);
    },
  });
}

const lineFeed = 0x0a;
const stdout = 1;

/**
 * Up to this size a write to a pipe is atomic, so lines of several processes are never mixed
 * (POSIX, `PIPE_BUF`).
 */
const pipeBytes = 4_096;

/** Standard output of any kind: pipe, file, terminal or socket. One for each process. */
export function standardOutput(): LogOutput {
  const output = isStream()
    ? new LogOutput(streamSink(), { chunkBytes: pipeBytes })
    : new LogOutput(fileSink());
  process.once("exit", () => {
    const rest = output.takeRest();
    try {
      if (rest !== "") writeSync(stdout, rest);
    } catch {
      // Nobody reads it, or the disk is full: nowhere is left to report that.
    }
  });
  return output;
}

function isStream(): boolean {
  const file = fstatSync(stdout);
  return file.isFIFO() || file.isSocket() || isatty(stdout);
}

/**
 * Makes writes to standard output non-blocking. To be called again after starting a process that
 * shares it, which makes them blocking again, here too.
 */
export function neverBlock(): void {
  if (!isStream()) return;
  const { _handle: handle } = process.stdout as { _handle?: { setBlocking?(blocking: boolean): void } };
  handle?.setBlocking?.(false);
}

function streamSink(): Sink {
  const { stdout } = process;
  // The reader is gone. Every write fails then; without a listener the first failure would end the
  // process.
  stdout.on("error", () => {});
  // Node's writes to a terminal block, and a stopped one (Ctrl+S) would stop the process.
  neverBlock();
  return (chunk, done) =>
    void stdout.write(chunk, (error) => (error ? done(0, error) : done(chunk.byteLength)));
}

/** A file, written off the main thread: a slow disk delays lines, not requests. */
function fileSink(): Sink {
  return (chunk, done) => {
    const from = (start: number): void =>
      write(stdout, chunk, start, chunk.byteLength - start, null, (error, bytes) => {
        if (error) return done(start, error);
        const end = start + bytes;
        if (end < chunk.byteLength) from(end);
        else done(end);
      });
    from(0);
  };
}
