import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { command } from "../command.ts";

/** Starts a child; neither process ends by itself. */
const endless = "sh -c 'echo started >&2; tail -f /dev/null' & tail -f /dev/null";

test.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)(
  "%s ends started programs and their children",
  async (signal) => {
    const url = new URL("../command.ts", import.meta.url);
    const script = `
    import { command } from ${JSON.stringify(fileURLToPath(url))};
    await command("sh", ["-c", ${JSON.stringify(endless)}], { live: true });`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    // Resolves only when all processes with this standard error have ended.
    const ended = once(child, "close");
    await once(child.stderr, "data");
    child.kill(signal);
    expect(await ended).toEqual([null, signal]);
  },
);

test("defect: npm start, which had built the page by a program, received each signal twice", async () => {
  const url = new URL("../command.ts", import.meta.url);
  const script = `
    import { command } from ${JSON.stringify(fileURLToPath(url))};
    await command("true", []);
    console.log(["SIGTERM", "SIGINT", "SIGHUP"].map((signal) => process.listenerCount(signal)).join());`;
  const { output } = await command(process.execPath, ["--input-type=module", "-e", script]);
  expect(output).toBe("0,0,0");
});

test("a program over its time limit is killed with its children", async () => {
  const { code, output } = await command("sh", ["-c", endless], { timeoutMs: 1_000 });
  expect(code).toBe(-1);
  expect(output).toContain("sh was killed by SIGKILL (time limit: 1 s)");
});

test("a program that does not exist is reported", async () => {
  expect(await command("no-such-program", [])).toEqual({
    code: -1,
    output: "no-such-program: spawn no-such-program ENOENT",
  });
});
