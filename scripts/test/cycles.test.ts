import { describe, expect, test } from "vitest";
import { cycleFaults } from "../checks/dependencies/cycles.ts";
import { packages } from "../workspace.ts";
import { tree } from "./fixture.ts";

/** The faults of a core whose `src` has these files, each given with its imports. */
function faults(imports: Readonly<Record<string, readonly string[]>>): string[] {
  const files = Object.entries(imports).map(([file, specifiers]) => [
    `packages/core/src/${file}`,
    specifiers.map((specifier) => `import type {} from "${specifier}";\n`).join(""),
  ]);
  const base = tree({ "packages/core/package.json": { name: "@pagoda/core" }, ...Object.fromEntries(files) });
  return packages(base).flatMap(cycleFaults);
}

describe("import cycles", () => {
  test("are absent when folders import sibling files and files import folders", () => {
    const imports = {
      "index.ts": ["./stack.ts", "./util/map.ts"],
      "stack.ts": ["./service.ts", "./util/map.ts"],
      "service.ts": ["node:net", "node:timers"],
      "util/map.ts": ["../service.ts", "./text.ts"],
      "util/text.ts": [],
    };
    expect(faults(imports)).toEqual([]);
  });

  test("between files are reported with the shortest cycle and its lines", () => {
    const imports = {
      "a.ts": ["./d.ts", "./b.ts"],
      "b.ts": ["./c.ts"],
      "c.ts": ["./a.ts"],
      "d.ts": ["./a.ts"],
    };
    expect(faults(imports)).toEqual(["packages/core/src: import cycle a.ts → d.ts → a.ts (a.ts:1, d.ts:1)"]);
  });

  test("between folders are reported even if their files are not in a cycle", () => {
    const imports = {
      "config/load.ts": ["../stack/limit.ts"],
      "config/schema.ts": [],
      "stack/limit.ts": [],
      "stack/deep/route.ts": ["../../config/schema.ts"],
    };
    expect(faults(imports)).toEqual([
      "packages/core/src: import cycle config → stack → config (config/load.ts:1, stack/deep/route.ts:1)",
    ]);
  });

  test("between a file and a sibling folder are reported", () => {
    const imports = { "server/serve.ts": ["./http1/read.ts"], "server/http1/read.ts": ["../serve.ts"] };
    expect(faults(imports)).toEqual([
      "packages/core/src/server: import cycle http1 → serve.ts → http1 (http1/read.ts:1, serve.ts:1)",
    ]);
  });

  test("are reported separately", () => {
    const imports = { "a.ts": ["./b.ts"], "b.ts": ["./a.ts"], "x/c.ts": ["./d.ts"], "x/d.ts": ["./c.ts"] };
    expect(faults(imports)).toHaveLength(2);
  });
});
