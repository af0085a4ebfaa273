import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isLeft, left, right } from "@pagoda/core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { fileEndpoints, type FileFault } from "@pagoda/discovery";
import { events } from "./events.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pagoda-discovery-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Follows a file of the directory by watching alone: a poll would come too late for any test. */
function follow(name: string, settleMs = 5) {
  const changes = events<readonly string[] | FileFault>();
  const source = fileEndpoints({
    path: join(folder, name),
    settleMs,
    pollMs: 1_000_000,
    observer: {
      changed: (endpoints) => changes.push(endpoints.map(({ key }) => key)),
      failed: (fault) => changes.push(fault),
    },
  });
  return { source, changes };
}

function write(name: string, ...keys: readonly string[]): void {
  writeFileSync(join(folder, name), JSON.stringify(keys));
}

const missing = { _tag: "FileUnreadable", origin: "local", retryable: true, code: "ENOENT" };

describe("a file", () => {
  test("is read at the start, sorted by key", async () => {
    writeFileSync(join(folder, "list"), '["http://b:1", { "key": "http://a:1", "weight": 2 }]');
    const { source, changes } = follow("list");
    expect(source.endpoints).toEqual([]);
    expect(await source.started).toEqual(right([{ key: "http://a:1", weight: 2 }, { key: "http://b:1" }]));
    expect(await changes.next()).toEqual(["http://a:1", "http://b:1"]);
    source.close();
  });

  test("is followed when written in place", async () => {
    write("list", "a");
    const { source, changes } = follow("list");
    expect(await changes.next()).toEqual(["a"]);
    write("list", "b");
    expect(await changes.next()).toEqual(["b"]);
    writeFileSync(join(folder, "list"), '[{ "key": "b", "weight": 2 }]');
    expect(await changes.next()).toEqual(["b"]);
    expect(source.endpoints).toEqual([{ key: "b", weight: 2 }]);
    source.close();
  });

  test("is followed when replaced by renaming, repeatedly", async () => {
    write("list", "0");
    const { source, changes } = follow("list");
    expect(await changes.next()).toEqual(["0"]);
    for (const key of ["1", "2", "3"]) {
      write("list.new", key);
      renameSync(join(folder, "list.new"), join(folder, "list"));
      expect(await changes.next()).toEqual([key]);
    }
    source.close();
  });

  test("keeps its list while it is missing, and is followed when recreated", async () => {
    write("list", "a");
    const { source, changes } = follow("list");
    expect(await changes.next()).toEqual(["a"]);
    rmSync(join(folder, "list"));
    expect(await changes.next()).toMatchObject(missing);
    expect(source.endpoints).toEqual([{ key: "a" }]);
    expect(source.state()["file"]).toMatchObject({ lastError: "ENOENT", foldersWatched: 1 });
    write("list", "b");
    expect(await changes.next()).toEqual(["b"]);
    source.close();
  });

  test("may be created later, with its directory", async () => {
    const { source, changes } = follow("deep/er/list");
    expect(await source.started).toMatchObject(left(missing));
    expect(await changes.next()).toMatchObject(missing);
    mkdirSync(join(folder, "deep/er"), { recursive: true });
    write("deep/er/list", "a");
    expect(await changes.next()).toEqual(["a"]);
    source.close();
  });

  test("is followed into a directory that replaces its own", async () => {
    mkdirSync(join(folder, "now"));
    mkdirSync(join(folder, "next"));
    write("now/list", "a");
    write("next/list", "b");
    const { source, changes } = follow("now/list");
    expect(await changes.next()).toEqual(["a"]);
    rmSync(join(folder, "now"), { recursive: true });
    expect(await changes.next()).toMatchObject(missing);
    renameSync(join(folder, "next"), join(folder, "now"));
    expect(await changes.next()).toEqual(["b"]);
    write("now/list", "c");
    expect(await changes.next()).toEqual(["c"]);
    mkdirSync(join(folder, "next"));
    write("next/list", "d");
    renameSync(join(folder, "now"), join(folder, "old"));
    renameSync(join(folder, "next"), join(folder, "now"));
    expect(await changes.next()).toEqual(["d"]);
    write("now/list", "e");
    expect(await changes.next()).toEqual(["e"]);
    source.close();
  });

  test("that is truncated keeps the old list until the rest is written", async () => {
    write("list", "a");
    const { source, changes } = follow("list");
    expect(await changes.next()).toEqual(["a"]);
    writeFileSync(join(folder, "list"), '["b",');
    expect(await changes.next()).toMatchObject({ _tag: "FileInvalid", path: join(folder, "list") });
    expect(source.endpoints).toEqual([{ key: "a" }]);
    appendFileSync(join(folder, "list"), '"c"]');
    expect(await changes.next()).toEqual(["b", "c"]);
    expect(source.state()["file"]).toMatchObject({ lastError: null });
    source.close();
  });

  test("with the same content changes nothing; an empty list does", async () => {
    write("list", "a", "b");
    const { source, changes } = follow("list");
    expect(await changes.next()).toEqual(["a", "b"]);
    write("list", "b", "a");
    writeFileSync(join(folder, "list"), '[ "a", "b" ]\n');
    write("other", "x");
    write("list");
    expect(await changes.next()).toEqual([]);
    source.close();
  });

  test("that is missing is reported at the start", async () => {
    mkdirSync(join(folder, "list"));
    const { source } = follow("list");
    expect(await source.started).toMatchObject(left({ ...missing, code: "EISDIR" }));
    source.close();
  });

  test("that is a pipe without a writer does not block, however many there are", async () => {
    // More than there are threads for file operations.
    const pipes = Array.from({ length: 8 }, (_, n) => `pipe-${n}`);
    execFileSync(
      "mkfifo",
      pipes.map((name) => join(folder, name)),
    );
    write("list", "a");
    const followed = [...pipes, "list"].map((name) => follow(name).source);
    const started = await Promise.all(followed.map((source) => source.started));
    expect(started.map(isLeft)).toEqual([...pipes.map(() => true), false]);
    for (const source of followed) source.close();
  });

  test("may be closed before it is read", async () => {
    write("list", "a");
    const { source, changes } = follow("list");
    source.close();
    expect(await source.started).toMatchObject(left({ _tag: "SourceClosed" }));
    expect(source.state()["file"]).toMatchObject({ foldersWatched: 0 });
    expect(changes.waiting).toBe(0);
  });
});

describe("links", () => {
  /** As in the kubelet: a new directory, and a new link to it, renamed over the old. */
  function mount(version: string, ...keys: readonly string[]): void {
    mkdirSync(join(folder, version));
    write(`${version}/list`, ...keys);
    symlinkSync(version, join(folder, "..data_tmp"));
    renameSync(join(folder, "..data_tmp"), join(folder, "..data"));
  }

  test("are followed when a ConfigMap changes and the old directory is deleted", async () => {
    mount("..2026_01", "a");
    symlinkSync("..data/list", join(folder, "list"));
    const { source, changes } = follow("list");
    expect(await changes.next()).toEqual(["a"]);
    for (const [version, before] of [
      ["..2026_02", "..2026_01"],
      ["..2026_03", "..2026_02"],
    ] as const) {
      mount(version, version);
      rmSync(join(folder, before), { recursive: true });
      expect(await changes.next()).toEqual([version]);
    }
    expect(source.state()["file"]).toMatchObject({ foldersWatched: 2 });
    source.close();
  });

  test("are followed in other directories", async () => {
    for (const name of ["etc", "releases", "releases/1", "releases/2"]) mkdirSync(join(folder, name));
    write("releases/1/list", "a");
    write("releases/2/list", "b");
    symlinkSync(join(folder, "releases/1"), join(folder, "releases/current"));
    symlinkSync("../releases/current/list", join(folder, "etc/list"));
    const { source, changes } = follow("etc/list");
    expect(await changes.next()).toEqual(["a"]);
    write("releases/1/list", "a1");
    expect(await changes.next()).toEqual(["a1"]);
    symlinkSync("2", join(folder, "releases/new"));
    renameSync(join(folder, "releases/new"), join(folder, "releases/current"));
    expect(await changes.next()).toEqual(["b"]);
    write("releases/2/list", "c");
    expect(await changes.next()).toEqual(["c"]);
    source.close();
  });

  test("are followed to another name in the same directory", async () => {
    write("1", "a");
    write("2", "b");
    symlinkSync("1", join(folder, "list"));
    const { source, changes } = follow("list");
    expect(await changes.next()).toEqual(["a"]);
    symlinkSync("2", join(folder, "new"));
    renameSync(join(folder, "new"), join(folder, "list"));
    expect(await changes.next()).toEqual(["b"]);
    write("2", "c");
    expect(await changes.next()).toEqual(["c"]);
    source.close();
  });

  test("in a loop are a failure like any other", async () => {
    symlinkSync("b", join(folder, "a"));
    symlinkSync("a", join(folder, "b"));
    const { source, changes } = follow("a");
    expect(await changes.next()).toMatchObject({ ...missing, code: "ELOOP" });
    write("c", "c");
    renameSync(join(folder, "c"), join(folder, "b"));
    expect(await changes.next()).toEqual(["c"]);
    source.close();
  });
});
