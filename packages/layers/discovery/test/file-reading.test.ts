import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import type * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Endpoint } from "@pagoda/core";
import { settled, type VirtualClock, virtualClock } from "@pagoda/core/testing";
import { type Either, left, right } from "fp-ts/lib/Either.js";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { fileEndpoints, type FileEndpointsOptions, type FileFault } from "@pagoda/discovery";
import { events } from "./events.ts";

// As on a system that has no watch left to give, and as under NFS: nothing tells of changes, but what a test says.
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

type Told = readonly string[] | FileFault;

function follow(options: Partial<FileEndpointsOptions> = {}) {
  const told = events<Told>();
  const source = fileEndpoints({
    path,
    clock,
    observer: {
      changed: (endpoints) => told.push(endpoints.map(({ key }) => key)),
      failed: (fault) => told.push(fault),
    },
    ...options,
  });
  return { source, told };
}

/** Settles when the reading under way, which takes real time, is done: then the next poll is set. */
async function read(): Promise<void> {
  while (clock.pending === 0) await settled();
}

async function pass(ms: number): Promise<void> {
  await read();
  await clock.advance(ms);
}

describe("without any sign of a change", () => {
  test("the file is read every so often", async () => {
    writeFileSync(path, '["a"]');
    const { source, told } = follow({ pollMs: 2_000 });
    expect(await told.next()).toEqual(["a"]);
    writeFileSync(path, '["b"]');
    await pass(1_999);
    expect(clock.pending).toBe(1);
    await pass(1);
    expect(await told.next()).toEqual(["b"]);
    expect(source.state()["file"]).toMatchObject({ foldersWatched: 0 });
    source.close();
    expect(clock.pending).toBe(0);
  });

  test("the same trouble is told once", async () => {
    const { source, told } = follow({ pollMs: 1_000 });
    expect(await told.next()).toMatchObject({ code: "ENOENT" });
    await pass(1_000);
    writeFileSync(path, "{");
    await pass(1_000);
    const invalid = await told.next();
    expect(invalid).toMatchObject({ _tag: "FileInvalid", problems: [expect.stringContaining("no JSON")] });
    await pass(1_000);
    rmSync(path);
    await pass(1_000);
    expect(await told.next()).toMatchObject({ code: "ENOENT" });
    writeFileSync(path, "{");
    await pass(1_000);
    expect(await told.next()).toEqual(invalid);
    source.close();
  });

  test("the description says how it stands", async () => {
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
        '[0] must be a key, or an object with a key (got 5)\nkey of [2] must be another one than that of [1] (got "a")',
    });
    await clock.advance(500);
    expect(source.state()["file"]).toMatchObject({ sinceSuccessMs: 500 });
    source.close();
    failing.source.close();
    expect(clock.pending).toBe(0);
  });
});

describe("an entry that makes no sense", () => {
  test("is left out and told once, and the others count", async () => {
    writeFileSync(path, '["a"]');
    const { source, told } = follow({ pollMs: 1_000 });
    expect(await told.next()).toEqual(["a"]);
    writeFileSync(path, '["b", 7]');
    await pass(1_000);
    const problems = ["[1] must be a key, or an object with a key (got 7)"];
    expect(await told.next()).toMatchObject({ _tag: "FileInvalid", partial: true, problems });
    expect(await told.next()).toEqual(["b"]);
    await pass(1_000);
    await pass(1_000);
    expect(told.waiting).toBe(0);
    writeFileSync(path, "[7]");
    await pass(1_000);
    expect(await told.next()).toMatchObject({
      problems: ["[0] must be a key, or an object with a key (got 7)"],
    });
    expect(source.endpoints).toEqual([{ key: "b" }]);
    writeFileSync(path, '["b"]');
    await pass(1_000);
    await read();
    expect(source.state()["file"]).toMatchObject({ lastError: null });
    source.close();
  });

  test("is all of a file that is too long", async () => {
    writeFileSync(path, " ".repeat(16 * 1_024 ** 2 + 1));
    const { source, told } = follow({ pollMs: 1_000 });
    expect(await told.next()).toMatchObject({ problems: ["the file must be at most 16777216 bytes"] });
    source.close();
  });
});

describe("endpoints that are known before", () => {
  test("hold until the file has been read, also while it cannot be", async () => {
    const { source, told } = follow({ pollMs: 1_000, initial: [{ key: "b" }, { key: "a" }] });
    expect(await source.started).toEqual(right([{ key: "a" }, { key: "b" }]));
    expect(await told.next()).toMatchObject({ code: "ENOENT" });
    expect(source.endpoints).toEqual([{ key: "a" }, { key: "b" }]);
    writeFileSync(path, '["c"]');
    await pass(1_000);
    expect(await told.next()).toEqual(["c"]);
    source.close();
  });

  test("make sense", () => {
    expect(() => follow({ initial: [{ key: "a" }, { key: "a" }] })).toThrow(RangeError);
  });
});

describe("closing", () => {
  test("while the file is read leaves nothing, and tells nobody", async () => {
    writeFileSync(path, '["a"]');
    const { source, told } = follow();
    source.close();
    // What was asked of the file system later is answered later.
    const another = follow();
    await another.told.next();
    another.source.close();
    await settled();
    expect([clock.pending, told.waiting, source.endpoints]).toEqual([0, 0, []]);
  });
});

describe("signs of a change", () => {
  /** A watch that says what the test says. */
  function stirring() {
    const listeners = new Map<string, (...event: readonly unknown[]) => void>();
    const watcher = { closed: 0, close: () => watcher.closed++, on: listeners.set.bind(listeners) };
    watch.mockImplementation(() => watcher as never);
    const say = (event: string, ...rest: readonly unknown[]): void => listeners.get(event)?.(...rest);
    return { watcher, say };
  }

  test("that come in a burst make one reading, a little later", async () => {
    const { say } = stirring();
    writeFileSync(path, '["a"]');
    const texts: string[] = [];
    const parse = (text: string): Either<never, readonly Endpoint[]> => {
      texts.push(text);
      return right([{ key: text }]);
    };
    const { source, told } = follow({ settleMs: 100, parse });
    await told.next();
    for (const text of ["1", "12", "123"]) {
      writeFileSync(path, text);
      say("change", "change", "list");
      await pass(33);
    }
    await pass(1);
    expect(await told.next()).toEqual(["123"]);
    expect(texts).toEqual(['["a"]', "123"]);
    source.close();
    expect(clock.pending).toBe(0);
  });

  test("count for names on the way, for the folder's own, and where none is given", async () => {
    const { say } = stirring();
    writeFileSync(path, '["a"]');
    const { source, told } = follow();
    await told.next();
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

  test("that come while the file is read make it be read again", async () => {
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
    const { source, told } = follow({ parse });
    expect([await told.next(), await told.next()]).toEqual([["old"], ["new"]]);
    source.close();
    expect(clock.pending).toBe(0);
  });

  test("are not missed when the way changes just as it begins to be watched", async () => {
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
    const { source, told } = follow();
    expect(await told.next()).toEqual(["b"]);
    expect(watch.mock.lastCall).toEqual([join(folder, "b")]);
    source.close();
  });

  test("may fail to come: a watch that breaks is closed, and made again with the next poll", async () => {
    const { watcher, say } = stirring();
    writeFileSync(path, '["a"]');
    const { source, told } = follow();
    await told.next();
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

describe("a reader of one's own", () => {
  test("gives endpoints of its kind", async () => {
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
    [() => left(["line 1 is x; valid is y"]), { problems: ["line 1 is x; valid is y"] }],
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
  ] as const)("may say, or show, that it makes no sense", async (parse, fault) => {
    writeFileSync(path, "text");
    const { source } = follow({ parse });
    expect(await source.started).toEqual(left({ ...invalid, path, ...fault }));
    expect(source.endpoints).toEqual([]);
    source.close();
  });
});
