import { cpuTime, perRequest } from "./cpu.ts";
import { load } from "./load.ts";
import type { Cores } from "./machine.ts";
import type { Peer } from "./peers.ts";
import type { Outcome, Sample } from "./report.ts";
import type { RunningPeer, Session } from "./session.ts";

/** Functions are compiled by what they have met: the first seconds of a Node program are not its usual ones. */
const defaultWarmUpSeconds = 5;

/** A peer on its way through the rounds. */
interface Subject {
  readonly peer: Peer;
  readonly samples: Sample[];
  running?: RunningPeer;
  failure?: string;
}

/**
 * Measures peers in turns, so that whatever else the machine does falls on all alike; every other round backwards, so
 * that none always comes after the same one. A peer that cannot be started or that fails gets no numbers; the others do.
 */
export async function measure(
  session: Session,
  peers: readonly Peer[],
  rounds: number,
  seconds: number,
  cores: Cores,
  warmUpSeconds = defaultWarmUpSeconds,
): Promise<Outcome[]> {
  const subjects: Subject[] = peers.map((peer) => ({ peer, samples: [] }));
  for (const subject of subjects) {
    await attempt(subject, "not started", async () => {
      subject.running = await session.startPeer(subject.peer);
    });
  }
  for (const subject of subjects) await turn(subject, warmUpSeconds, cores);
  for (let round = 1; round <= rounds; round++) {
    for (const subject of round % 2 === 1 ? subjects : subjects.toReversed()) {
      const sample = await turn(subject, seconds, cores);
      if (sample) subject.samples.push(sample);
    }
  }
  return subjects.map(({ peer: { name, label }, samples, failure }) =>
    failure === undefined ? { name, label, samples } : { name, label, failure },
  );
}

async function turn(subject: Subject, seconds: number, cores: Cores): Promise<Sample | undefined> {
  const { running, failure } = subject;
  if (running === undefined || failure !== undefined) return undefined;
  let sample: Sample | undefined;
  await attempt(subject, "error", async () => {
    const before = cpuTime(running.pid);
    const { requests, ...seen } = await load(running.url, seconds, cores.load);
    sample = { ...perRequest(before, cpuTime(running.pid), requests), ...seen };
  });
  return sample;
}

async function attempt(subject: Subject, what: string, action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    subject.failure = `${what}: ${(error as Error).message}`;
    console.error(`bench: ${subject.peer.name} ${subject.failure}`);
  }
}
