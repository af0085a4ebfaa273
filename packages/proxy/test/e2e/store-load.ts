import { Agent } from "node:http";
import { call } from "./client.ts";
import type { Pagoda } from "./program.ts";

/** Calls that a client makes on each program, one after the other. */
const callsEach = 14;
/** Clients that call at a time. */
const lanes = 4;

/** The limit of each client: less than its calls. */
const burst = 20;
/** What a program admits of it by itself. */
const share = 2;
/** What its worker admits if the main process is late, on a busy machine. */
const late = 2;

export const policy = {
  perClient: { rate: "1/h", burst, by: { header: "x-client" } },
  unreachable: { share: "10%" },
};

/** A client, with times in the unit of the log. */
interface Client {
  readonly from: number;
  readonly to: number;
  readonly admitted: number;
}

/** From when to when a program decided limits of its store by itself. */
interface Span {
  readonly from: number;
  readonly to: number;
}

/** What became of all clients. */
export interface Outcome {
  /** Those that were wholly decided by the store, and wholly without it. */
  readonly remotely: number;
  readonly locally: number;
  /** Those that were admitted more often than their limit allows, or never. */
  readonly excesses: readonly Client[];
}

/**
 * Calls without pause through all programs, by ever new clients. So what was admitted can be told
 * for each moment, however fast the machine is.
 */
export class StoreLoad {
  readonly #programs: readonly Pagoda[];
  readonly #agents: readonly Agent[];
  readonly #clients: Client[] = [];
  readonly #lanes: readonly Promise<void>[];
  #isOver = false;
  #last = 0;
  #wake: (() => void)[] = [];

  constructor(programs: readonly Pagoda[]) {
    this.#programs = programs;
    this.#agents = programs.map(() => new Agent({ keepAlive: true }));
    this.#lanes = Array.from({ length: lanes }, () => this.#call());
  }

  /** Waits until that many clients have begun and ended. */
  async more(count: number): Promise<void> {
    const since = now();
    while (this.#clients.filter(({ from }) => from >= since).length < count)
      await Promise.race([
        new Promise<void>((resolve) => this.#wake.push(resolve)),
        // A lane that fails would never wake this.
        Promise.all(this.#lanes),
      ]);
  }

  /**
   * Ends it, and compares what each client was admitted with its limit at that time.
   *
   * @param forgotten How often the store may have lost what it kept.
   */
  async end(forgotten: number = 0): Promise<Outcome> {
    this.#isOver = true;
    await Promise.all(this.#lanes);
    for (const agent of this.#agents) agent.destroy();
    const spans = this.#programs.map(localSpans);
    const byStore = burst * (1 + forgotten) + late * spans.length;
    const byPrograms = (share + late) * spans.length;
    const excesses: Client[] = [];
    let [remotely, locally] = [0, 0];
    for (const client of this.#clients) {
      const isRemote = spans.every((all) =>
        all.every(({ from, to }) => to < client.from || from > client.to),
      );
      const isLocal = spans.every((all) =>
        all.some(({ from, to }) => from <= client.from && to >= client.to),
      );
      if (isRemote) remotely++;
      if (isLocal) locally++;
      const most = isRemote ? byStore : isLocal ? byPrograms : byStore + byPrograms;
      if (client.admitted === 0 || client.admitted > most) excesses.push(client);
    }
    return { remotely, locally, excesses };
  }

  async #call(): Promise<void> {
    while (!this.#isOver) {
      const headers = { "x-client": `client ${++this.#last}` };
      const from = now();
      let admitted = 0;
      for (let at = 0; at < callsEach; at++) {
        const answers = await Promise.all(
          this.#programs.map(({ url }, n) => call(url, { headers, agent: this.#agents[n] })),
        );
        for (const { status } of answers) {
          if (status === 200) admitted++;
          else if (status !== 429) throw new Error(`status ${status}`);
        }
      }
      this.#clients.push({ from, to: now(), admitted });
      for (const wake of this.#wake.splice(0)) wake();
    }
  }
}

/** The log has whole milliseconds. */
function now(): number {
  return Math.floor(performance.timeOrigin + performance.now());
}

/** Reads them from a program's log. A reload connects to the store anew. */
export function localSpans({ logs }: Pagoda): readonly Span[] {
  const spans: Span[] = [];
  let from: number | undefined;
  for (const { msg, time } of logs) {
    if (msg.startsWith("limit store unreachable")) from ??= time as number;
    else if (from !== undefined && /^(?:limit store reached again|configuration applied)$/.test(msg)) {
      spans.push({ from, to: time as number });
      from = undefined;
    }
  }
  return from === undefined ? spans : [...spans, { from, to: Infinity }];
}
