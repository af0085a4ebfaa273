import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import type * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Either, type Endpoint, left, right } from "@pagoda/core";
import { settled, type VirtualClock, virtualClock } from "@pagoda/core/testing";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { fileEndpoints, type FileEndpointsOptions, type FileFault } from "@pagoda/discovery";
import { events } from "./events.ts";

// As on a system without watches left, or on NFS: changes are reported only by the tests.
const { watch } = vi.hoisted(() => ({ watch: vi.fn<typeof fs.watch>() }));
vi.mock("node:fs", async (actual) => ({ ...(await actual<typeof fs>()), watch }));

let folder: string;
let path: string;
let clock: VirtualClock;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pagoda-discovery-"));
  path = join(folder, "list");
  clock = virtualClock();
  watch.mockReset().mockImplementation(() => {
    throw Object.assign(new Error("no watch left"), { code: "ENOSPC" });
  });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

type Event = readonly string[] | FileFault;

function follow(options: Partial<FileEndpointsOptions> = {}) {
  const changes = events<Event>();
  const source = fileEndpoints({
    path,
    clock,
    observer: {
      changed: (endpoints) => changes.push(endpoints.map(({ key }) => key)),
      failed: (fault) => changes.push(fault),
    },
    ...options,
  });
  return { source, changes };
}

/**
 * Settles when the read in progress, which takes real time, is done and the next poll is scheduled.
 */
async function read(): Promise<void> {
  while (clock.pending === 0) await settled();
}

async function pass(ms: number): Promise<void> {
  await read();
  await clock.advance(ms);
}

describe("without any sign of a change", () => {
  test("the file is polled", async () => {
    writeFileSync(path, '["a"]');
    const { source, changes } = follow({ pollMs: 2_000 });
    expect(await changes.next()).toEqual(["a"]);
    writeFileSync(path, '["b"]');
    await pass(1_999);
    expect(clock.pending).toBe(1);
    await pass(1);
    expect(await changes.next()).toEqual(["b"]);
    expect(source.state()["file"]).toMatchObject({ foldersWatched: 0 });
    source.close();
    expect(clock.pending).toBe(0);
  });

  test("a persistent problem is reported once", async () => {
    const { source, changes } = follow({ pollMs: 1_000 });
    expect(await changes.next()).toMatchObject({ code: "ENOENT" });
    await pass(1_000);
    writeFileSync(path, "{");
    await pass(1_000);
    const invalid = await changes.next();
    expect(invalid).toMatchObject({
      _tag: "FileInvalid",
      problems: [expect.stringContaining("not valid JSON")],
    });
    await pass(1_000);
    rmSync(path);
    await pass(1_000);
    expect(await changes.next()).toMatchObject({ code: "ENOENT" });
    writeFileSync(path, "{");
    await pass(1_000);
    expect(await changes.next()).toEqual(invalid);
    source.close();
  });

  test("describe reports the state", async () => {
    writeFileSync(path, '["a"]');
    const { source } = follow({ pollMs: 1_000 });
    expect(source.state()).toEqual({
      file: { path, sinceSuccessMs: null, foldersWatched: 0, lastError: null },
    });
    await source.started;
    writeFileSync(path, '[5, "a", "a"]');
    const failing = follow({ pollMs: 1_000 });
    await failing.source.started;
    expect(failing.source.state()["file"]).toMatchObject({
      lastError:
        '[0] must be a key, or an object with a key (got 5)\nkey of [2] must be unique, but [1] has the same (got "a")',
    });
    await clock.advance(500);
    expect(source.state()["file"]).toMatchObject({ sinceSuccessMs: 500 });
    source.close();
    failing.source.close();
    expect(clock.pending).toBe(0);
  });
});

describe("an invalid entry", () => {
  test("is skipped and reported once, and the others are used", async () => {
    writeFileSync(path, '["a"]');
    const { source, changes } = follow({ pollMs: 1_000 });
    expect(await changes.next()).toEqual(["a"]);
    writeFileSync(path, '["b", 7]');
    await pass(1_000);
    const problems = ["[1] must be a key, or an object with a key (got 7)"];
    expect(await changes.next()).toMatchObject({ _tag: "FileInvalid", partial: true, problems });
    expect(await changes.next()).toEqual(["b"]);
    await pass(1_000);
    await pass(1_000);
    expect(changes.waiting).toBe(0);
    writeFileSync(path, "[7]");
    await pass(1_000);
    expect(await changes.next()).toMatchObject({
      problems: ["[0] must be a key, or an object with a key (got 7)"],
    });
    expect(source.endpoints).toEqual([{ key: "b" }]);
    writeFileSync(path, '["b"]');
    await pass(1_000);
    await read();
    expect(source.state()["file"]).toMatchObject({ lastError: null });
    source.close();
  });

  test("a file that is too long is invalid as a whole", async () => {
    writeFileSync(path, " ".repeat(16 * 1_024 ** 2 + 1));
    const { source, changes } = follow({ pollMs: 1_000 });
    expect(await changes.next()).toMatchObject({ problems: ["the file must be at most 16777216 bytes"] });
    source.close();
  });
});

describe("initial endpoints", () => {
  test("are used until the file has been read", async () => {
    const { source, changes } = follow({ pollMs: 1_000, initial: [{ key: "b" }, { key: "a" }] });
    expect(await source.started).toEqual(right([{ key: "a" }, { key: "b" }]));
    expect(await changes.next()).toMatchObject({ code: "ENOENT" });
    expect(source.endpoints).toEqual([{ key: "a" }, { key: "b" }]);
    writeFileSync(path, '["c"]');
    await pass(1_000);
    expect(await changes.next()).toEqual(["c"]);
    source.close();
  });

  test("must be valid", () => {
    expect(() => follow({ initial: [{ key: "a" }, { key: "a" }] })).toThrow(RangeError);
  });
});

describe("closing", () => {
  test("during a read leaves nothing behind and notifies no one", async () => {
    writeFileSync(path, '["a"]');
    const { source, changes } = follow();
    source.close();
    // A later file system operation settles later.
    const another = follow();
    await another.changes.next();
    another.source.close();
    await settled();
    expect([clock.pending, changes.waiting, source.endpoints]).toEqual([0, 0, []]);
  });
});

describe("signs of a change", () => {
  /** A watch controlled by the test. */
  function stirring() {
    const listeners = new Map<string, (...event: readonly unknown[]) => void>();
    const watcher = { closed: 0, close: () => watcher.closed++, on: listeners.set.bind(listeners) };
    watch.mockImplementation(() => watcher as never);
    const say = (event: string, ...rest: readonly unknown[]): void => listeners.get(event)?.(...rest);
    return { watcher, say };
  }

  test("in a burst cause one read, after settleMs", async () => {
    const { say } = stirring();
    writeFileSync(path, '["a"]');
    const texts: string[] = [];
    const parse = (text: string): Either<never, readonly Endpoint[]> => {
      texts.push(text);
      return right([{ key: text }]);
    };
    const { source, changes } = follow({ settleMs: 100, parse });
    await changes.next();
    for (const text of ["1", "12", "123"]) {
      writeFileSync(path, text);
      say("change", "change", "list");
      await pass(33);
    }
    await pass(1);
    expect(await changes.next()).toEqual(["123"]);
    expect(texts).toEqual(['["a"]', "123"]);
    source.close();
    expect(clock.pending).toBe(0);
  });

  test("include events for names on the route, for the directory itself, and without a name", async () => {
    const { say } = stirring();
    writeFileSync(path, '["a"]');
    const { source, changes } = follow();
    await changes.next();
    await read();
    say("change", "rename", "another");
    expect(clock.pending).toBe(1);
    for (const name of ["list", null, folder.slice(tmpdir().length + 1)]) {
      await read();
      say("change", "rename", name);
      expect(clock.pending).toBe(2);
      await clock.advance(50);
    }
    await read();
    say("change", "rename", "list");
    source.close();
    expect(clock.pending).toBe(0);
  });

  test("during a read cause another read", async () => {
    const { say } = stirring();
    writeFileSync(path, "old");
    const parse = (text: string): Either<never, readonly Endpoint[]> => {
      if (text === "old") {
        writeFileSync(path, "new");
        say("change", "change", "list");
        clock.fireNext();
      }
      return right([{ key: text }]);
    };
    const { source, changes } = follow({ parse });
    expect([await changes.next(), await changes.next()]).toEqual([["old"], ["new"]]);
    source.close();
    expect(clock.pending).toBe(0);
  });

  test("are not missed if the route changes while watches are set up", async () => {
    for (const name of ["a", "b"]) {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, "list"), `["${name}"]`);
    }
    symlinkSync("a/list", path);
    stirring();
    const watching = watch.getMockImplementation() as typeof fs.watch;
    watch.mockImplementationOnce((...folders) => {
      rmSync(path);
      symlinkSync("b/list", path);
      return watching(...folders);
    });
    const { source, changes } = follow();
    expect(await changes.next()).toEqual(["b"]);
    expect(watch.mock.lastCall).toEqual([join(folder, "b")]);
    source.close();
  });

  test("may be missing: a broken watch is closed, and replaced at the next poll", async () => {
    const { watcher, say } = stirring();
    writeFileSync(path, '["a"]');
    const { source, changes } = follow();
    await changes.next();
    say("error", new Error("a broken watch"));
    expect(watcher.closed).toBe(1);
    expect(source.state()["file"]).toMatchObject({ foldersWatched: 0 });
    await pass(10_000);
    await read();
    expect(source.state()["file"]).toMatchObject({ foldersWatched: 1 });
    source.close();
    expect(watcher.closed).toBe(2);
    say("change", "rename", "list");
    expect(clock.pending).toBe(0);
  });
});

describe("a custom parser", () => {
  test("returns its own kind of endpoints", async () => {
    writeFileSync(path, "b 2\na 1\n");
    const parse = (text: string): Either<never, readonly (Endpoint & { readonly zone: string })[]> =>
      right(
        text
          .trim()
          .split("\n")
          .map((line) => ({ key: line.slice(0, 1), zone: line.slice(2) })),
      );
    const source = fileEndpoints({ path, parse, clock });
    expect(await source.started).toEqual(
      right([
        { key: "a", zone: "1" },
        { key: "b", zone: "2" },
      ]),
    );
    source.close();
  });

  const invalid = { _tag: "FileInvalid", origin: "local", retryable: true };
  const defect = new Error("a defect");
  test.each([
    [() => left(["line 1 must be y (got x)"]), { problems: ["line 1 must be y (got x)"] }],
    [
      () => {
        throw defect;
      },
      { problems: ["a defect"], cause: defect },
    ],
    [
      () => right([{ key: "a" }, { key: "a" }]),
      { problems: ['key of an endpoint must be one that no other endpoint has (got "a")'] },
    ],
    [
      () => right([{ key: "a", weight: 0 }]),
      { problems: ['weight of endpoint "a" must be a number above 0 (got 0)'] },
    ],
  ] as const)("may return problems, throw, or return invalid endpoints", async (parse, fault) => {
    writeFileSync(path, "text");
    const { source } = follow({ parse });
    expect(await source.started).toEqual(left({ ...invalid, path, ...fault }));
    expect(source.endpoints).toEqual([]);
    source.close();
  });
});
