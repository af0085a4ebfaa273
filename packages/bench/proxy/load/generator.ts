import type { Connection, Listener, Slot, Target } from "./client.ts";
import { Http1Connection } from "./http1.ts";
import { Http2Connection } from "./http2.ts";

/** What the clients saw in one run. */
export interface Seen {
  readonly requests: number;
  /** Those that were refused. */
  readonly refused: number;
  readonly ms: number;
  /** Of each response, in milliseconds; in no order. */
  readonly latencies: Float64Array;
}

/** The shortest sleep there is: the kernel adds some 50 µs. */
const sleepMs = 0.01;
const sleepWord = new Int32Array(new SharedArrayBuffer(4));

/** How long a run may take longer than asked for before it has failed. */
const lateMs = 10_000;

/** Clients of one server that keep their connections from run to run. */
export class Generator implements Listener {
  readonly #slots: Slot[] = [];
  readonly #connections: Connection[] = [];
  #onResponse: (slot: Slot, isRefused: boolean) => void = () => {};
  #fail: (error: Error) => void = (error) => (this.#failure ??= error);
  #failure: Error | undefined;

  /**
   * @param concurrency Requests at a time.
   * @param streams How many of them share an HTTP/2 connection.
   * @throws When a connection cannot be opened.
   */
  static async open(target: Target, concurrency: number, streams: number): Promise<Generator> {
    const generator = new Generator();
    try {
      while (generator.#slots.length < concurrency) {
        const connection =
          target.protocol === "http1"
            ? await Http1Connection.open(target, generator)
            : await Http2Connection.open(target, generator, Math.min(streams, concurrency));
        generator.#connections.push(connection);
        generator.#slots.push(...connection.slots);
      }
    } catch (error) {
      generator.close();
      throw error;
    }
    return generator;
  }

  onResponse(slot: Slot, isRefused: boolean = false): void {
    this.#onResponse(slot, isRefused);
  }

  onFailure(error: Error): void {
    this.#fail(error);
  }

  close(): void {
    for (const connection of this.#connections) connection.close();
  }

  /**
   * A closed loop: each client sends a request as soon as it has the response to the one before.
   *
   * @throws When a request failed or got anything but the expected response.
   */
  closed(ms: number): Promise<Seen> {
    const recorder = new Recorder();
    const begun = performance.now();
    const end = begun + ms;
    let inFlight = this.#slots.length;
    return this.#run(ms, (finish) => {
      this.#onResponse = (slot, isRefused) => {
        const now = performance.now();
        recorder.add(now - slot.startedMs, isRefused);
        if (now < end) {
          slot.startedMs = now;
          slot.send();
        } else if (--inFlight === 0) finish(recorder.seen(now - begun));
      };
      for (const slot of this.#slots) {
        slot.startedMs = performance.now();
        slot.send();
      }
    });
  }

  /**
   * An open loop: a request is due at fixed intervals, whether or not earlier ones were answered. Its latency counts from
   * when it was due, so that a server that stalls is charged for every request that it delays (no coordinated omission).
   * One that is due while all clients wait is sent by the first that is free.
   *
   * @throws When a request failed or got anything but the expected response.
   */
  open(perSecond: number, ms: number): Promise<Seen> {
    const recorder = new Recorder();
    const total = Math.max(1, Math.round((perSecond * ms) / 1_000));
    const intervalMs = 1_000 / perSecond;
    const idle = [...this.#slots];
    const begun = performance.now();
    let sent = 0;
    let answered = 0;
    const sendDue = (): void => {
      while (sent < total && idle.length > 0) {
        const dueMs = begun + sent * intervalMs;
        if (dueMs > performance.now()) return;
        const slot = idle.shift() as Slot;
        slot.startedMs = dueMs;
        sent++;
        slot.send();
      }
    };
    return this.#run(ms, (finish, isOver) => {
      this.#onResponse = (slot, isRefused) => {
        recorder.add(performance.now() - slot.startedMs, isRefused);
        idle.push(slot);
        if (++answered === total) finish(recorder.seen(performance.now() - begun));
      };
      const spin = (): void => {
        sendDue();
        if (sent === total || isOver()) return;
        // A timer's millisecond would make bursts of what is due; never to sleep would keep the origin off the core.
        Atomics.wait(sleepWord, 0, 0, sleepMs);
        setImmediate(spin);
      };
      spin();
    });
  }

  async #run(
    ms: number,
    start: (finish: (seen: Seen) => void, isOver: () => boolean) => void,
  ): Promise<Seen> {
    if (this.#failure) throw this.#failure;
    let late: NodeJS.Timeout | undefined;
    let isOver = false;
    try {
      return await new Promise<Seen>((resolve, reject) => {
        this.#fail = (error) => {
          this.#failure = error;
          reject(error);
        };
        late = setTimeout(() => this.#fail(new Error("responses are missing")), ms + lateMs);
        start(resolve, () => isOver);
      });
    } finally {
      isOver = true;
      clearTimeout(late);
      this.#onResponse = () => {};
    }
  }
}

/** Latencies, in an array that grows by doubling. */
class Recorder {
  #values = new Float64Array(1_024);
  #count = 0;
  #refused = 0;

  add(ms: number, isRefused: boolean): void {
    if (isRefused) this.#refused++;
    if (this.#count === this.#values.length) {
      const larger = new Float64Array(this.#count * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#count++] = ms;
  }

  seen(ms: number): Seen {
    return {
      requests: this.#count,
      refused: this.#refused,
      ms,
      latencies: this.#values.slice(0, this.#count),
    };
  }
}
