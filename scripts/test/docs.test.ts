import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { documentOutcomes } from "../checks/docs.ts";
import { anchors, readMarkdown } from "../checks/docs/markdown.ts";
import { root } from "../workspace.ts";
import { tree } from "./fixture.ts";

function withDocument(text: string): string {
  return tree({
    "README.md": text,
    "GUIDE.md": "# Build `a` layer: step 1\n\n## Twice\n\n## Twice\n",
    // No types of Node: the fixture stands outside of the repository.
    "tsconfig.base.json": readFileSync(join(root, "tsconfig.base.json"), "utf8").replace(`["node"]`, "[]"),
    "package.json": { type: "module", scripts: { build: "" } },
  });
}

async function outcomesOf(text: string): Promise<{ name: string; result: string; detail?: string }[]> {
  return [...(await documentOutcomes(withDocument(text), ["README.md"]))];
}

const fence = (info: string, code: string): string => `\`\`\`${info}\n${code}\n\`\`\`\n`;

test("an example that compiles and exits with 0 passes", async () => {
  const outcomes = await outcomesOf(`# A\n\n${fence("ts", "const a: number = 1;\nif (a !== 1) throw a;")}`);
  expect(outcomes).toEqual([
    { name: "links and commands of README.md", result: "passed" },
    { name: "README.md:4", result: "passed" },
  ]);
});

test("a type error in an example is reported at the document's line", async () => {
  const outcomes = await outcomesOf(`# A\n\n${fence("ts", "const a = 1;\nconst b: string = a;")}`);
  expect(outcomes[1]).toMatchObject({ name: "README.md:4", result: "failed" });
  expect(outcomes[1]?.detail).toContain("README.md(5,7): error TS2322");
});

test("an exception in an example is reported at the document's line", async () => {
  const outcomes = await outcomesOf(`# A\n\n${fence("ts", `const a = 1;\nthrow new Error("no");`)}`);
  expect(outcomes[1]).toMatchObject({ name: "README.md:4", result: "failed" });
  expect(outcomes[1]?.detail).toContain("README.md:5");
});

test("types-only examples are compiled but not run", async () => {
  const outcomes = await outcomesOf(
    fence("ts types-only", `throw new Error("no");`) + fence("ts types-only", `"a" * 2;`),
  );
  expect(outcomes.map((one) => one.result).toSorted()).toEqual(["failed", "passed", "passed"]);
});

test.each(["ts nocheck", "ts src/a.ts", "typescript", "js"])(
  "an example cannot avoid the check as %s",
  async (info) => {
    const outcomes = await outcomesOf(fence(info, "nonsense("));
    expect(outcomes[1]).toMatchObject({ name: "README.md:2", result: "failed" });
  },
);

test("code in other languages is not an example", async () => {
  expect(await outcomesOf(fence("sh", "npm start") + fence("", "[a](nowhere.md)"))).toHaveLength(1);
});

test("YAML must be a valid configuration, or name its program and be valid YAML", async () => {
  const valid = `listeners: [{ address: "127.0.0.1:0", routes: [{ name: a, respond: { status: 204 } }] }]`;
  const outcomes = await outcomesOf(
    fence("yaml", valid) +
      fence("yaml", "lisseners: []") +
      fence("yaml envoy", "a: [") +
      fence("yaml envoy", "a: 1"),
  );
  expect(outcomes.slice(1).map(({ result }) => result)).toEqual(["passed", "failed", "failed", "passed"]);
  expect(outcomes[2]?.detail).toMatch(/README\.5\.yaml:5:1: .*lisseners/u);
});

test("broken links are reported with their line", async () => {
  const text = `[a](GUIDE.md) [b](GUIDE.md#twice-1) [c](#here) [d](https://example.org/x)

[e](NONE.md) \`[f](NONE.md)\` [g](GUIDE.md#thrice)
[h](../out.md)

[i]: NONE.md#x

# Here
`;
  const [links] = await outcomesOf(text);
  expect(links?.detail?.split("\n")).toEqual([
    "README.md:3: NONE.md: no such file",
    "README.md:3: GUIDE.md#thrice: no such heading",
    "README.md:4: ../out.md: leads out of the repository",
    "README.md:6: NONE.md#x: no such file",
  ]);
});

test("scripts missing from package.json are reported with their line", async () => {
  const [commands] = await outcomesOf(`\`npm run build\`\n\n${fence("sh", "npm run tset # or npm test")}`);
  expect(commands?.detail).toBe("README.md:4: npm run tset: no such script");
});

test("a missing document is reported", async () => {
  const outcomes = await documentOutcomes(tree({}), ["README.md"]);
  expect(outcomes).toEqual([
    { name: "links and commands of README.md", result: "failed", detail: "README.md: missing" },
  ]);
});

test("headings get GitHub's anchors", () => {
  const text = "# Build `a` layer: step 1\n## Twice\n## Twice\n```\n# none\n```\n### [Link](x.md), *é_b*\n";
  expect([...anchors(text)]).toEqual(["build-a-layer-step-1", "twice", "twice-1", "link-é_b"]);
});

test("a longer fence may contain a shorter one", () => {
  const { fences } = readMarkdown("````md\n```ts\na\n```\n````\n");
  expect(fences).toEqual([{ info: "md", line: 2, code: "```ts\na\n```" }]);
});
