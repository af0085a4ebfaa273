import { renameSync, writeFileSync } from "node:fs";
import type { Description } from "@pagoda/core";
import type { Chance } from "./chance.ts";
import { configuration, type Ports } from "./configuration.ts";
import type { Ledger } from "./ledger.ts";
import type { Mood, Origin } from "./origins.ts";
import type { Proxy } from "./proxy.ts";

export interface World {
  readonly chance: Chance;
  readonly ledger: Ledger;
  readonly origins: readonly Origin[];
  readonly proxy: Proxy;
  /** The path of its configuration. */
  readonly config: string;
  readonly ports: Ports;
}

/** Breaks something for the duration of that many calls, then repairs it. */
type Trouble = (world: World) => Promise<void>;

const someCalls = (chance: Chance): number => chance.between(20, 120);

function moody(mood: Mood): Trouble {
  return async ({ chance, ledger, origins }) => {
    const origin = chance.pick(origins);
    await origin.be(mood);
    await ledger.after(someCalls(chance));
    await origin.be("well");
  };
}

let writes = 0;

/** The process ids of the serving workers, at least one. */
async function servingWorkers({ proxy, ports }: World): Promise<readonly number[]> {
  for (;;) {
    const stack = (await (await fetch(`http://127.0.0.1:${ports.admin}/stack`)).json()) as Description;
    const serving = (stack.inner ?? [])
      .filter(({ inner = [] }) => inner.length > 0)
      .map(({ options }) => options?.["pid"] as number)
      .filter((pid) => proxy.workers.includes(pid));
    if (serving.length > 0) return serving;
  }
}

/** Replaces the configuration atomically. */
export function writeConfiguration(path: string, content: string): void {
  writeFileSync(`${path}.new`, content);
  renameSync(`${path}.new`, path);
}

async function reload({ config, origins, ports, proxy, ledger, chance }: World): Promise<void> {
  writeConfiguration(config, configuration(origins, ports, ++writes));
  proxy.kill("SIGHUP");
  await ledger.after(someCalls(chance));
}

export const troubles: Readonly<Record<string, Trouble>> = {
  "an origin is killed": async ({ chance, ledger, origins }) => {
    const origin = chance.pick(origins);
    await origin.kill();
    await ledger.after(someCalls(chance));
    await origin.start();
  },
  "an origin is stopped": async ({ chance, ledger, origins }) => {
    const origin = chance.pick(origins);
    origin.stop();
    await ledger.after(someCalls(chance));
    origin.goOn();
  },
  "an origin resets connections": moody("reset"),
  "an origin answers by halves": moody("half"),
  "an origin answers before it has read": moody("early"),
  "an origin fails": moody("failing"),
  "the configuration changes": reload,
  "the configuration becomes invalid": async (world) => {
    writeConfiguration(world.config, `listeners: &all [*all]\nworkers: ${++writes}\n`);
    world.proxy.kill("SIGHUP");
    await world.ledger.after(someCalls(world.chance));
    await reload(world);
  },
  "a worker is killed": async ({ chance, ledger, proxy }) => {
    process.kill(chance.pick(proxy.workers), "SIGKILL");
    await ledger.after(someCalls(chance));
  },
  "a worker hangs": async (world) => {
    const { chance, ledger, proxy } = world;
    // A starting worker has a minute before it counts as hung.
    const worker = chance.pick(await servingWorkers(world));
    const hanging = { from: performance.now(), to: Infinity };
    ledger.deaths.push(hanging);
    process.kill(worker, "SIGSTOP");
    while (proxy.workers.includes(worker) && proxy.exited === undefined) await ledger.after(1);
    hanging.to = performance.now();
  },
  "the log cannot be written": async ({ chance, ledger, proxy }) => {
    const silence = { from: performance.now(), to: Infinity };
    ledger.silences.push(silence);
    proxy.stopLog();
    await ledger.after(chance.between(400, 800));
    proxy.resumeLog();
    await ledger.after(1);
    silence.to = performance.now();
  },
};
