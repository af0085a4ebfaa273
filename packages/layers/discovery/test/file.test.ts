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
import { isLeft, left, right } from "fp-ts/lib/Either.js";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { fileEndpoints, type FileFault } from "@pagoda/discovery";
import { events } from "./events.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pagoda-discovery-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Follows a file of the folder by watching alone: a poll would come too late for any test. */
function follow(name: string, settleMs = 5) {
  const told = events<readonly string[] | FileFault>();
  const source = fileEndpoints({
    path: join(folder, name),
    settleMs,
    pollMs: 1_000_000,
    observer: {
      changed: (endpoints) => told.push(endpoints.map(({ key }) => key)),
      failed: (fault) => told.push(fault),
    },
  });
  return { source, told };
}

function write(name: string, ...keys: readonly string[]): void {
  writeFileSync(join(folder, name), JSON.stringify(keys));
}

const missing = { _tag: "FileUnreadable", origin: "local", retryable: true, code: "ENOENT" };

describe("a file", () => {
  test("is read when it is there, in the order of the keys", async () => {
    writeFileSync(join(folder, "list"), '["http://b:1", { "key": "http://a:1", "weight": 2 }]');
    const { source, told } = follow("list");
    expect(source.endpoints).toEqual([]);
    expect(await source.started).toEqual(right([{ key: "http://a:1", weight: 2 }, { key: "http://b:1" }]));
    expect(await told.next()).toEqual(["http://a:1", "http://b:1"]);
    source.close();
  });

  test("is followed as it is written in place", async () => {
    write("list", "a");
    const { source, told } = follow("list");
    expect(await told.next()).toEqual(["a"]);
    write("list", "b");
    expect(await told.next()).toEqual(["b"]);
    writeFileSync(join(folder, "list"), '[{ "key": "b", "weight": 2 }]');
    expect(await told.next()).toEqual(["b"]);
    expect(source.endpoints).toEqual([{ key: "b", weight: 2 }]);
    source.close();
  });

  test("is followed as another is renamed over it, again and again", async () => {
    write("list", "0");
    const { source, told } = follow("list");
    expect(await told.next()).toEqual(["0"]);
    for (const key of ["1", "2", "3"]) {
      write("list.new", key);
      renameSync(join(folder, "list.new"), join(folder, "list"));
      expect(await told.next()).toEqual([key]);
    }
    source.close();
  });

  test("keeps its list while it is gone, and is followed when it is made again", async () => {
    write("list", "a");
    const { source, told } = follow("list");
    expect(await told.next()).toEqual(["a"]);
    rmSync(join(folder, "list"));
    expect(await told.next()).toMatchObject(missing);
    expect(source.endpoints).toEqual([{ key: "a" }]);
    expect(source.state()["file"]).toMatchObject({ lastError: "ENOENT", foldersWatched: 1 });
    write("list", "b");
    expect(await told.next()).toEqual(["b"]);
    source.close();
  });

  test("may come later, and its folder with it", async () => {
    const { source, told } = follow("deep/er/list");
    expect(await source.started).toMatchObject(left(missing));
    expect(await told.next()).toMatchObject(missing);
    mkdirSync(join(folder, "deep/er"), { recursive: true });
    write("deep/er/list", "a");
    expect(await told.next()).toEqual(["a"]);
    source.close();
  });

  test("is followed into a folder that takes the place of its own", async () => {
    mkdirSync(join(folder, "now"));
    mkdirSync(join(folder, "next"));
    write("now/list", "a");
    write("next/list", "b");
    const { source, told } = follow("now/list");
    expect(await told.next()).toEqual(["a"]);
    rmSync(join(folder, "now"), { recursive: true });
    expect(await told.next()).toMatchObject(missing);
    renameSync(join(folder, "next"), join(folder, "now"));
    expect(await told.next()).toEqual(["b"]);
    write("now/list", "c");
    expect(await told.next()).toEqual(["c"]);
    mkdirSync(join(folder, "next"));
    write("next/list", "d");
    renameSync(join(folder, "now"), join(folder, "old"));
    renameSync(join(folder, "next"), join(folder, "now"));
    expect(await told.next()).toEqual(["d"]);
    write("now/list", "e");
    expect(await told.next()).toEqual(["e"]);
    source.close();
  });

  test("that ends half-way keeps the old list, until the rest is written", async () => {
    write("list", "a");
    const { source, told } = follow("list");
    expect(await told.next()).toEqual(["a"]);
    writeFileSync(join(folder, "list"), '["b",');
    expect(await told.next()).toMatchObject({ _tag: "FileInvalid", path: join(folder, "list") });
    expect(source.endpoints).toEqual([{ key: "a" }]);
    appendFileSync(join(folder, "list"), '"c"]');
    expect(await told.next()).toEqual(["b", "c"]);
    expect(source.state()["file"]).toMatchObject({ lastError: null });
    source.close();
  });

  test("that says nothing else changes nothing; a list that is empty does", async () => {
    write("list", "a", "b");
    const { source, told } = follow("list");
    expect(await told.next()).toEqual(["a", "b"]);
    write("list", "b", "a");
    writeFileSync(join(folder, "list"), '[ "a", "b" ]\n');
    write("other", "x");
    write("list");
    expect(await told.next()).toEqual([]);
    source.close();
  });

  test("that is none says so at the start", async () => {
    mkdirSync(join(folder, "list"));
    const { source } = follow("list");
    expect(await source.started).toMatchObject(left({ ...missing, code: "EISDIR" }));
    source.close();
  });

  test("that is a pipe to which nobody writes is not waited for, however many there are", async () => {
    // More than there are threads that read files.
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

  test("closed before it was read", async () => {
    write("list", "a");
    const { source, told } = follow("list");
    source.close();
    expect(await source.started).toMatchObject(left({ _tag: "SourceClosed" }));
    expect(source.state()["file"]).toMatchObject({ foldersWatched: 0 });
    expect(told.waiting).toBe(0);
  });
});

describe("links", () => {
  /** As the kubelet does it: a new folder, a new link to it, renamed over the old. */
  function mount(version: string, ...keys: readonly string[]): void {
    mkdirSync(join(folder, version));
    write(`${version}/list`, ...keys);
    symlinkSync(version, join(folder, "..data_tmp"));
    renameSync(join(folder, "..data_tmp"), join(folder, "..data"));
  }

  test("are followed as a ConfigMap changes, the old folder deleted", async () => {
    mount("..2026_01", "a");
    symlinkSync("..data/list", join(folder, "list"));
    const { source, told } = follow("list");
    expect(await told.next()).toEqual(["a"]);
    for (const [version, before] of [
      ["..2026_02", "..2026_01"],
      ["..2026_03", "..2026_02"],
    ] as const) {
      mount(version, version);
      rmSync(join(folder, before), { recursive: true });
      expect(await told.next()).toEqual([version]);
    }
    expect(source.state()["file"]).toMatchObject({ foldersWatched: 2 });
    source.close();
  });

  test("are followed where they lie in other folders", async () => {
    for (const name of ["etc", "releases", "releases/1", "releases/2"]) mkdirSync(join(folder, name));
    write("releases/1/list", "a");
    write("releases/2/list", "b");
    symlinkSync(join(folder, "releases/1"), join(folder, "releases/current"));
    symlinkSync("../releases/current/list", join(folder, "etc/list"));
    const { source, told } = follow("etc/list");
    expect(await told.next()).toEqual(["a"]);
    write("releases/1/list", "a1");
    expect(await told.next()).toEqual(["a1"]);
    symlinkSync("2", join(folder, "releases/new"));
    renameSync(join(folder, "releases/new"), join(folder, "releases/current"));
    expect(await told.next()).toEqual(["b"]);
    write("releases/2/list", "c");
    expect(await told.next()).toEqual(["c"]);
    source.close();
  });

  test("are followed to another name in the same folder", async () => {
    write("1", "a");
    write("2", "b");
    symlinkSync("1", join(folder, "list"));
    const { source, told } = follow("list");
    expect(await told.next()).toEqual(["a"]);
    symlinkSync("2", join(folder, "new"));
    renameSync(join(folder, "new"), join(folder, "list"));
    expect(await told.next()).toEqual(["b"]);
    write("2", "c");
    expect(await told.next()).toEqual(["c"]);
    source.close();
  });

  test("that lead in a circle are a failure like others", async () => {
    symlinkSync("b", join(folder, "a"));
    symlinkSync("a", join(folder, "b"));
    const { source, told } = follow("a");
    expect(await told.next()).toMatchObject({ ...missing, code: "ELOOP" });
    write("c", "c");
    renameSync(join(folder, "c"), join(folder, "b"));
    expect(await told.next()).toEqual(["c"]);
    source.close();
  });
});
