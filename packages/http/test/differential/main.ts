// Compares as many inputs as you like: node packages/http/test/differential/main.ts SEED INPUTS
import { compare } from "./compare.ts";

const [seed = 1, inputs = 1_000_000] = process.argv.slice(2).map(Number);
const step = 100_000;
const stricter = new Map<string, number>();
const exceptions = new Map<string, number>();
const disagreements: string[] = [];
let accepted = 0;
for (let from = 0; from < inputs && disagreements.length === 0; from += step) {
  const part = compare(seed, from, Math.min(inputs, from + step));
  accepted += part.accepted;
  disagreements.push(...part.disagreements);
  add(part.stricter, stricter);
  add(part.exceptions, exceptions);
  const { user, system } = process.cpuUsage();
  console.log(`${from + part.inputs} inputs, ${accepted} accepted, ${(user + system) / 1e6} s of CPU`);
}
console.log("refused although llhttp accepts", sorted(stricter));
console.log("exceptions", sorted(exceptions));
for (const each of disagreements) console.error(each);
process.exitCode = disagreements.length > 0 ? 1 : 0;

function add(some: ReadonlyMap<string, number>, all: Map<string, number>): void {
  for (const [key, count] of some) all.set(key, (all.get(key) ?? 0) + count);
}

function sorted(counts: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries([...counts].toSorted(([, a], [, b]) => b - a));
}
