import type { Clock } from "@pagoda/core";
import { virtualClock } from "@pagoda/core/testing";
import { expect, test } from "vitest";
import { fileStates, type FileStates, FileWatch } from "../../src/control/watch.ts";
import { Folder } from "../e2e/configured.ts";

/** Files are read in real time: a poll is over when the next one has been scheduled. */
async function watching(files: readonly string[], since?: FileStates) {
  const clock = virtualClock();
  let next = Promise.withResolvers<void>();
  const noticing: Clock = {
    ...clock,
    setTimer(ms, run) {
      next.resolve();
      return clock.setTimer(ms, run);
    },
  };
  let changes = 0;
  const watch = new FileWatch(noticing, () => changes++);
  await watch.watch(files, since);
  return {
    clock,
    watch,
    changes: () => changes,
    async passes(ms: number): Promise<void> {
      next = Promise.withResolvers();
      await clock.advance(ms);
      await next.promise;
    },
  };
}

test("a changed file is reported once, within a second", async () => {
  using folder = new Folder();
  const file = folder.write("a.pem", "one");
  const { passes, changes } = await watching([file]);
  await passes(500);
  folder.write("a.pem", "another");
  await passes(500);
  expect(changes()).toBe(0);
  await passes(500);
  expect(changes()).toBe(1);
  await passes(500);
  expect(changes()).toBe(1);
});

test("changes in quick succession are reported once, after the last", async () => {
  using folder = new Folder();
  const files = [folder.write("a.pem", "one"), folder.write("a.key", "one")];
  const { passes, changes } = await watching(files);
  folder.write("a.pem", "another");
  await passes(500);
  folder.write("a.key", "another");
  await passes(500);
  expect(changes()).toBe(0);
  await passes(500);
  expect(changes()).toBe(1);
});

test("a closed watcher reports nothing", async () => {
  using folder = new Folder();
  const { clock, watch } = await watching([folder.write("a.pem", "one")]);
  expect(clock.pending).toBe(1);
  watch.close();
  expect(clock.pending).toBe(0);
});

test("a file that changed after it was read, and before it was watched, is reported", async () => {
  using folder = new Folder();
  const file = folder.write("a.pem", "one");
  const read = await fileStates([file]);
  folder.write("a.pem", "another");
  const { passes, changes } = await watching([file], read);
  await passes(500);
  expect(changes()).toBe(0);
  await passes(500);
  expect(changes()).toBe(1);
});
