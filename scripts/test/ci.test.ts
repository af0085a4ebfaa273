import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "../workspace.ts";

test(".ci/run installs exactly the Debian packages that tests and checks need", () => {
  const script = readFileSync(join(root, ".ci/run"), "utf8");
  const files = globSync(
    ["packages/*/test/**/*.ts", "packages/layers/*/test/**/*.ts", "scripts/checks/**/*.ts"],
    {
      cwd: root,
    },
  );
  const texts = files.map((file) => readFileSync(join(root, file), "utf8"));
  const [, table = ""] =
    /const packages = \{([^}]*)\}/u.exec(
      readFileSync(join(root, "packages/proxy/test/e2e/system.ts"), "utf8"),
    ) ?? [];
  const wanted = [
    ...texts.flatMap((text) => [...text.matchAll(/apt-get install ([\w-]+)/gu)].map(([, name = ""]) => name)),
    ...[...table.matchAll(/: "([\w-]+)"/gu)].map(([, name = ""]) => name),
  ];
  expect(wanted.length).toBeGreaterThan(5);
  for (const name of wanted) expect(script).toMatch(new RegExp(`[=(]${name}\\b`, "u"));
});
