import { expect, test } from "vitest";
import { observed } from "./observed.ts";
import { Pagoda } from "./program.ts";
import { execute, needs } from "./system.ts";

needs("promtool");

/** What `promtool check metrics` reports, and the exposition that it has read. */
async function checked(pagoda: Pagoda): Promise<{ readonly problems: string; readonly text: string }> {
  // Gauges of the stack appear with the second scrape.
  await pagoda.admin("/metrics");
  const { text } = await pagoda.admin("/metrics");
  const { code, stderr } = await execute("promtool", ["check", "metrics"], { input: Buffer.from(text) });
  return { problems: code === 0 ? "" : stderr, text };
}

/** The metrics that are declared without a description. */
function undescribed(text: string): readonly string[] {
  const names = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name = ""]) => name);
  expect(names.length).toBeGreaterThan(20);
  return names.filter((name) => !new RegExp(`^# HELP ${name} \\S`, "m").test(text));
}

test("metrics pass promtool with the demo and one worker", async () => {
  await using pagoda = await Pagoda.start();
  await fetch(pagoda.url);
  const { problems, text } = await checked(pagoda);
  expect({ problems, undescribed: undescribed(text) }).toEqual({ problems: "", undescribed: [] });
});

test("metrics pass promtool with every policy, after a worker has died and a reload has failed", async () => {
  await using run = await observed();
  await run.stir();
  const { problems, text } = await checked(run.pagoda);
  expect({ problems, undescribed: undescribed(text) }).toEqual({ problems: "", undescribed: [] });
});
