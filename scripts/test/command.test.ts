import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { command } from "../command.ts";

/** Starts a process of its own, and neither ends. */
const endless = "sh -c 'echo started >&2; tail -f /dev/null' & tail -f /dev/null";

test.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)(
  "%s ends what has been started, and what that has started",
  async (signal) => {
    const url = new URL("../command.ts", import.meta.url);
    const script = `
    import { command } from ${JSON.stringify(fileURLToPath(url))};
    await command("sh", ["-c", ${JSON.stringify(endless)}], { live: true });`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    // Not before everybody who has its standard error has ended.
    const ended = once(child, "close");
    await once(child.stderr, "data");
    child.kill(signal);
    expect(await ended).toEqual([null, signal]);
  },
);

test("a program whose time is over ends with what it has started", async () => {
  const { code, output } = await command("sh", ["-c", endless], { timeoutMs: 1_000 });
  expect(code).toBe(-1);
  expect(output).toContain("sh was ended by SIGKILL (it has 1 s)");
});

test("a program that is not there is told", async () => {
  expect(await command("no-such-program", [])).toEqual({
    code: -1,
    output: "no-such-program: spawn no-such-program ENOENT",
  });
});
