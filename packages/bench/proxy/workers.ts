// Cost of worker processes: memory and start-up time by their number, and decisions of a shared limit.
import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import {
  lease,
  leased,
  type LeaseGrants,
  type CallCounts,
  type RemoteStore,
  sharedMemory,
  sharedStore,
} from "@pagoda/rate-limit";

const rates = { global: { perSecond: 1_000_000, burst: 1_000_000 }, keyed: undefined };
const program = fileURLToPath(new URL("../../proxy/src/main.ts", import.meta.url));

if (process.send !== undefined) answerLeases();
else {
  console.log("| workers | listens after, ms | resident, MiB | proportional, MiB |\n|---:|---:|---:|---:|");
  for (const workers of [1, 2, 4, 8]) {
    const runs = [await start(workers), await start(workers), await start(workers)];
    const middle = (of: (run: Run) => number): number => runs.map(of).toSorted((a, b) => a - b)[1] as number;
    const columns = [workers, middle(({ ms }) => ms), middle(({ rss }) => rss), middle(({ pss }) => pss)];
    console.log(`| ${columns.map(Math.round).join(" | ")} |`);
  }
  const { ownNs, leasedNs, askUs } = await decisions();
  console.log(`\nA decision: ${ownNs} ns unshared, ${leasedNs} ns leased ahead, ${askUs} µs asked for.`);
}

interface Run {
  readonly ms: number;
  readonly rss: number;
  readonly pss: number;
}

async function start(workers: number): Promise<Run> {
  const begun = performance.now();
  const env = {
    ...process.env,
    PROXY_LISTEN_ADDR: "127.0.0.1:0",
    PROXY_METRICS_ADDR: "127.0.0.1:0",
    PROXY_UPSTREAM_ADDRS: "http://127.0.0.1:9",
    PROXY_WORKERS: String(workers),
    NODE_COMPILE_CACHE: join(tmpdir(), "pagoda-bench-compiled"),
  };
  const child = spawn(process.execPath, [program], { env, stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface({ input: child.stdout })) if (line.includes("listening on")) break;
  const ms = performance.now() - begun;
  child.stdout.resume();
  const sizes = treeOf(child.pid as number).map(sizeOf);
  child.kill("SIGKILL");
  await once(child, "exit");
  const sum = (of: (size: { rss: number; pss: number }) => number): number =>
    sizes.reduce((total, size) => total + of(size), 0);
  return { ms, rss: sum(({ rss }) => rss), pss: sum(({ pss }) => pss) };
}

function treeOf(pid: number): readonly number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" ").filter(Boolean).map(Number),
  );
  return [pid, ...children.flatMap(treeOf)];
}

/** In MiB. */
function sizeOf(pid: number): { readonly rss: number; readonly pss: number } {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const size = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(text)?.[1]) / 1_024;
  return { rss: size("Rss"), pss: size("Pss") };
}

/** Runs in the process that holds the limit. */
function answerLeases(): void {
  const store = sharedStore(sharedMemory({ maxKeys: 1 }))(rates);
  process.on("message", (ask: CallCounts) => process.send?.(lease(store, ask, performance.now())));
}

async function decisions() {
  const keeper = fork(fileURLToPath(import.meta.url), { serialization: "advanced" });
  const waiting: ((answer: LeaseGrants) => void)[] = [];
  keeper.on("message", (answer) => waiting.shift()?.(answer as LeaseGrants));
  const remote: RemoteStore = {
    take: (ask) =>
      new Promise((resolve) => {
        waiting.push(resolve);
        keeper.send(ask);
      }),
    giveBack() {},
  };
  const own = sharedStore(sharedMemory({ maxKeys: 1 }))(rates);
  const ahead = leased(remote, { timeoutMs: 60_000 })(rates);
  const each = leased(remote, { leaseMs: 0, timeoutMs: 60_000 })(rates);
  await each.take(undefined, performance.now());
  const nsOf = async (calls: number, call: () => unknown): Promise<number> => {
    const begun = performance.now();
    for (let at = 0; at < calls; at++) {
      const decision = call();
      if (decision instanceof Promise) await decision;
    }
    return Math.round(((performance.now() - begun) / calls) * 1_000_000);
  };
  const take = (store: Pick<typeof ahead, "take">) => () => store.take(undefined, performance.now());
  await nsOf(100_000, take(ahead));
  const result = {
    ownNs: await nsOf(500_000, take(own)),
    leasedNs: await nsOf(500_000, take(ahead)),
    askUs: Math.round((await nsOf(5_000, take(each))) / 1_000),
  };
  keeper.kill();
  return result;
}
