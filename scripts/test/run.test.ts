import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";
import { root } from "../workspace.ts";
import { tree } from "./fixture.ts";

/** An older Node than the repository needs, with which scripts/run.mjs must work. */
const older = join(root, "node_modules/node-22/bin/node");

/** An uninstalled clone, on a machine with a scripted `npx`. */
function clone(npx: string): string {
  const copied = [
    "scripts/run.mjs",
    ...["edited", "node", "supervised"].map((name) => `scripts/run/${name}.mjs`),
  ];
  const folder = tree({
    ...Object.fromEntries(copied.map((file) => [file, readFileSync(join(root, file), "utf8")])),
    "package.json": { packageManager: "pnpm@0.0.0", devDependencies: { node: "24.0.0" } },
    "packages/layers/timeout/package.json": {},
    "pnpm-lock.yaml": "a lock",
    "program.ts": `console.error("runs on", process.execPath, ...process.argv.slice(2));`,
    "machine/npx": `#!/bin/sh\necho installing >&2\nmkdir -p node_modules/.bin\n${npx}\n`,
  });
  chmodSync(join(folder, "machine/npx"), 0o755);
  return folder;
}

function started(folder: string, [program, ...args]: readonly [string, ...string[]]) {
  const env = { ...process.env, PATH: join(folder, "machine") + delimiter + process.env["PATH"] };
  const child = spawn(program, args, { cwd: folder, stdio: ["ignore", "ignore", "pipe"], env });
  const lines: string[] = [];
  const reader = createInterface({ input: child.stderr }).on("line", (line) => lines.push(line));
  const line = async (text: string): Promise<void> => {
    while (!lines.includes(text)) await once(reader, "line");
  };
  // Resolves only when all processes with this standard error have ended, grandchildren included.
  const ended = once(child, "close").then(([code, signal]) => ({ code, signal, output: lines.join("\n") }));
  return { child, line, ended };
}

const start = (node: string): [string, ...string[]] => [node, "scripts/run.mjs", "program.ts", "a"];
const hasStamp = (folder: string): boolean => existsSync(join(folder, "node_modules/.pagoda-installed"));

/** An installation with a child; neither process ends by itself. */
const endless = `sh -c 'echo started >&2; tail -f /dev/null' &\ntail -f /dev/null`;

test.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)(
  "%s ends an installation and all its children",
  async (signal) => {
    const folder = clone(endless);
    const { child, line, ended } = started(folder, start(older));
    await line("started");
    child.kill(signal);
    expect(await ended).toMatchObject({ code: null, signal });
    expect(hasStamp(folder)).toBe(false);
  },
);

test("an installation ends when npm's shell has exited without forwarding the signal", async () => {
  const words = start(older).map((word) => `"${word}"`);
  const { child, line, ended } = started(clone(endless), ["sh", "-c", `${words.join(" ")}; true`]);
  await line("started");
  child.kill("SIGKILL");
  await ended;
});

const linked = (node: string): string => `ln -s "${node}" node_modules/.bin/node`;

test("installs once, then runs the file with the installed Node", async () => {
  const folder = clone(linked(process.execPath));
  const { code, output } = await started(folder, start(older)).ended;
  expect({ code, output }).toEqual({
    code: 0,
    output: `Installing with pnpm@0.0.0 …\ninstalling\nruns on ${process.execPath} a`,
  });
  expect((await started(folder, start(older)).ended).output).toBe(`runs on ${process.execPath} a`);
});

test("a failed installation is reported and retried on the next run", async () => {
  const folder = clone("exit 7");
  for (const attempt of [1, 2]) {
    const { code, output } = await started(folder, start(older)).ended;
    expect({ attempt, code, output }).toEqual({
      attempt,
      code: 1,
      output: "Installing with pnpm@0.0.0 …\ninstalling\nInstallation failed (npx exited with 7).",
    });
  }
});

test("installs again after an edit of a package.json, and explains how to update the lock file if that fails", async () => {
  const folder = clone(`test -e fails && exit 1\n${linked(process.execPath)}`);
  await started(folder, start(older)).ended;
  edit(folder, "packages/layers/timeout/package.json");
  // `ln` refuses to replace the link.
  rmSync(join(folder, "node_modules/.bin/node"));
  expect((await started(folder, start(older)).ended).output).toContain("Installing");
  expect((await started(folder, start(older)).ended).output).not.toContain("Installing");
  edit(folder, "packages/layers/timeout/package.json");
  writeFileSync(join(folder, "fails"), "");
  for (const attempt of [1, 2]) {
    const { code, output } = await started(folder, start(older)).ended;
    expect({ attempt, code }).toEqual({ attempt, code: 1 });
    expect(output).toContain(
      `If the dependencies in packages/layers/timeout/package.json have changed, ` +
        `run "npx pnpm@0.0.0 install" to update pnpm-lock.yaml.`,
    );
  }
});

/** Makes a file newer than what was installed and the lock file, as an edit does. */
function edit(folder: string, file: string): void {
  const times = [
    ["package.json", 0],
    ["pnpm-lock.yaml", 1],
    ["node_modules/.pagoda-installed", 2],
    [file, 3],
  ] as const;
  for (const [name, seconds] of times) utimesSync(join(folder, name), seconds, seconds);
}

/** A Node that needs a missing library. */
const broken = (library: string): string =>
  [
    `echo '#!/bin/sh' > node_modules/.bin/node`,
    `echo 'echo "node: error while loading shared libraries: ${library}: cannot open" >&2; exit 127' >> node_modules/.bin/node`,
    `chmod +x node_modules/.bin/node`,
    // The clone's machine always has apt-get.
    `ln -sf /bin/true machine/apt-get`,
  ].join("\n");

test("a pinned Node that cannot start fails the installation and names the package to install", async () => {
  const folder = clone(broken("libatomic.so.1"));
  for (const attempt of [1, 2]) {
    const { code, output } = await started(folder, start(older)).ended;
    expect({ attempt, code, output }).toEqual({
      attempt,
      code: 1,
      output:
        `Installing with pnpm@0.0.0 …\ninstalling\nNode 24.0.0 cannot start because libatomic.so.1 is missing: ` +
        `run "apt-get install libatomic1", or put Node 24.12 or newer on the PATH.`,
    });
    expect(hasStamp(folder)).toBe(false);
  }
});

test.each([
  ["cannot start", broken("libatomic.so.1")],
  ["is not there", "true"],
])("if the pinned Node %s, a new enough system Node replaces it", async (_, npx) => {
  const folder = clone(npx);
  const { code, output } = await started(folder, start(process.execPath)).ended;
  expect(code).toBe(0);
  expect(output).toMatch(new RegExp(`runs on ${process.execPath} a$`, "u"));
  expect(hasStamp(folder)).toBe(true);
});
