// The proxy against others: CPU time per request of each one's whole process tree. See packages/bench/README.md.
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { needed, type Sample, load, processCpu, untilServing } from "./measure.ts";
import { origin, peers, type Running, start } from "./peers.ts";
import { summarize, table } from "./report.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "9" },
    seconds: { type: "string", default: "2" },
    only: { type: "string" },
    write: { type: "boolean", default: false },
  },
});
const missing = needed.filter(({ found }) => !found);
if (missing.length > 0) {
  console.error(
    `bench: missing ${missing.map(({ program }) => program).join(", ")}; apt-get install nginx-light wrk util-linux`,
  );
  process.exit(2);
}

const chosen = peers.filter(({ name }) => values.only?.split(",").includes(name) ?? true);
const running: Running[] = [];
try {
  running.push(await start(origin));
  for (const peer of chosen) running.push(await start(peer));
  const results = await measure(running.slice(1), Number(values.rounds), Number(values.seconds));
  const text = table(results);
  console.log(text);
  if (values.write) writeInto(new URL("../README.md", import.meta.url), text);
} finally {
  for (const { stop } of running) stop();
}

/** In turns, so that whatever else the machine does falls on all alike. */
async function measure(subjects: readonly Running[], rounds: number, seconds: number) {
  const samples = new Map<string, Sample[]>(subjects.map(({ name }) => [name, []]));
  for (const { name, url } of subjects) {
    await untilServing(url);
    console.error(`warming up ${name} …`);
    await load(url, 5);
  }
  for (let round = 1; round <= rounds; round++) {
    for (const { name, url, pid } of subjects) {
      const before = processCpu(pid);
      const run = await load(url, seconds);
      const after = processCpu(pid);
      const perRequest = (ms: number): number => (ms * 1_000) / run.requests;
      samples.get(name)?.push({
        userUs: perRequest(after.userMs - before.userMs),
        kernelUs: perRequest(after.kernelMs - before.kernelMs),
        requestsPerSecond: run.requests / run.seconds,
        p50Ms: run.p50Ms,
        p99Ms: run.p99Ms,
      });
    }
    console.error(`round ${round} of ${rounds}`);
  }
  return subjects.map(({ name }) => summarize(name, samples.get(name) ?? []));
}

/** Replaces what stands between the markers of the README: no number there is written by hand. */
function writeInto(file: URL, text: string): void {
  const readme = readFileSync(file, "utf8");
  const marked = /(<!-- proxy -->\n)[^]*(\n<!-- \/proxy -->)/;
  if (!marked.test(readme)) throw new Error("packages/bench/README.md has no proxy markers");
  writeFileSync(
    file,
    readme.replace(marked, (_all, begin: string, end: string) => `${begin}\n${text}${end}`),
  );
}
