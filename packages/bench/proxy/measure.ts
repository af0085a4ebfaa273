import { cpuTime, cpuUse } from "./cpu.ts";
import { Generator } from "./load/generator.ts";
import { type Sample, summaryOf } from "./sample.ts";
import type { RunningPeer, Session } from "./session.ts";
import { medianOf, quantileOf } from "./statistics.ts";
import { streamsPerConnection, type Workload } from "./workloads.ts";

/** Latencies at half of a proxy's capacity, in milliseconds, medians of the rounds, and those of the origin alone at the same rate. */
export interface Latency {
  readonly requestsPerSecond: number;
  readonly proxied: Quantiles;
  readonly direct: Quantiles;
}

export interface Quantiles {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
}

/** The result of a proxy: its rounds, or why there are none. */
export type Result =
  | { readonly samples: readonly Sample[]; readonly latency?: Latency; readonly failure?: never }
  | { readonly failure: string; readonly samples?: never; readonly latency?: never };

/** How long and how often. */
export interface Effort {
  readonly rounds: number;
  readonly ms: number;
  /** Functions are compiled by what they have met: the first seconds of a Node program are not its usual ones. */
  readonly warmUpMs: number;
  readonly concurrency: number;
  readonly latency: boolean;
}

/**
 * Before each round of latencies: a program that has waited for its turn has a smaller heap and colder
 * caches than one that is in use.
 */
const leadInMs = 500;

/** Clients that warm up a program which has just started: a single one would not make enough requests. */
const warmUpConcurrency = 64;

/**
 * Loads each peer with many clients. A failure is left to the measurement, which has it again.
 *
 * @param ms For each peer.
 */
export async function warmUp(peers: readonly RunningPeer[], workload: Workload, ms: number): Promise<void> {
  for (const peer of peers) {
    const subject = new Subject(peer);
    await open(subject, workload, { concurrency: warmUpConcurrency });
    await subject.attempt(async (generator) => void (await generator.closed(ms)));
    subject.generator?.close();
  }
}

/** A peer on its way through the rounds. */
class Subject {
  readonly running: RunningPeer;
  readonly samples: Sample[] = [];
  readonly proxied: Float64Array[] = [];
  readonly direct: Float64Array[] = [];
  generator: Generator | undefined;
  failure: string | undefined;

  constructor(running: RunningPeer) {
    this.running = running;
  }

  /** Does nothing once the peer has failed. */
  async attempt(action: (generator: Generator) => Promise<void>): Promise<void> {
    if (this.failure !== undefined || this.generator === undefined) return;
    try {
      await action(this.generator);
    } catch (error) {
      this.failure = `error: ${(error as Error).message}`;
      console.error(`bench: ${this.running.peer.name} ${this.failure}`);
    }
  }

  get requestsPerSecond(): number {
    return summaryOf(this.samples).requestsPerSecond / 2;
  }
}

/**
 * Measures peers in turns, so that whatever else the machine does falls on all alike; every other round backwards, so
 * that none always comes after the same one. A peer that fails gets no numbers; the others do.
 *
 * @returns A result for each peer, in the same order.
 */
export async function measure(
  session: Session,
  peers: readonly RunningPeer[],
  workload: Workload,
  effort: Effort,
): Promise<Result[]> {
  const { rounds, ms, warmUpMs } = effort;
  const subjects = peers.map((peer) => new Subject(peer));
  try {
    for (const subject of subjects) await open(subject, workload, effort);
    for (const subject of subjects) {
      await subject.attempt(async (generator) => void (await generator.closed(warmUpMs)));
    }
    for (let round = 1; round <= rounds; round++) {
      for (const subject of inTurn(subjects, round)) {
        await subject.attempt(async (generator) => {
          subject.samples.push(await closedRound(subject.running.pid, generator, ms));
        });
      }
    }
    if (effort.latency) await measureLatency(session, subjects, workload, effort);
  } finally {
    for (const { generator } of subjects) generator?.close();
  }
  return subjects.map(resultOf);
}

async function open(
  subject: Subject,
  workload: Workload,
  { concurrency }: Pick<Effort, "concurrency">,
): Promise<void> {
  const target = subject.running.target(workload);
  try {
    subject.generator = await Generator.open(target, concurrency, streamsPerConnection(concurrency));
  } catch (error) {
    subject.failure = `error: ${(error as Error).message}`;
  }
}

async function closedRound(pid: number, generator: Generator, ms: number): Promise<Sample> {
  const before = cpuTime(pid);
  const seen = await generator.closed(ms);
  const used = cpuUse(before, cpuTime(pid), seen.requests);
  const latencies = seen.latencies.toSorted();
  return {
    ...used,
    requestsPerSecond: (seen.requests / seen.ms) * 1_000,
    busy: (used.cpuUs * seen.requests) / (seen.ms * 1_000),
    p50Ms: quantileOf(0.5, latencies),
    p99Ms: quantileOf(0.99, latencies),
  };
}

/** The origin alone gets the same load right after each proxy: what is beyond its latency, the proxy has added. */
async function measureLatency(
  session: Session,
  subjects: readonly Subject[],
  workload: Workload,
  { rounds, ms, concurrency }: Effort,
): Promise<void> {
  const streams = streamsPerConnection(concurrency);
  const origin = await Generator.open(session.originTarget(workload), concurrency, streams);
  try {
    for (let round = 1; round <= rounds; round++) {
      for (const subject of inTurn(subjects, round)) {
        await subject.attempt(async (generator) => {
          await generator.open(subject.requestsPerSecond, leadInMs);
          subject.proxied.push((await generator.open(subject.requestsPerSecond, ms)).latencies);
          subject.direct.push((await origin.open(subject.requestsPerSecond, ms)).latencies);
        });
      }
    }
  } finally {
    origin.close();
  }
}

function inTurn(subjects: readonly Subject[], round: number): readonly Subject[] {
  return round % 2 === 1 ? subjects : subjects.toReversed();
}

function resultOf(subject: Subject): Result {
  const { failure, samples, proxied, direct, requestsPerSecond } = subject;
  if (failure !== undefined) return { failure };
  if (proxied.length === 0) return { samples };
  return {
    samples,
    latency: { requestsPerSecond, proxied: quantiles(proxied), direct: quantiles(direct) },
  };
}

/** The median of the rounds: a stall of the machine, of some milliseconds, would decide the tail of all rounds together. */
function quantiles(rounds: readonly Float64Array[]): Quantiles {
  const sorted = rounds.map((round) => round.toSorted());
  const median = (share: number): number => medianOf(sorted.map((round) => quantileOf(share, round)));
  return { p50: median(0.5), p99: median(0.99), p999: median(0.999) };
}
