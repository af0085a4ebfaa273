import { expect, describe, test } from "vitest";
import { jsonSchema } from "../../src/config/json-schema.ts";
import { environment, mainFile } from "./program.ts";
import { execute } from "./system.ts";

const pagoda = `"${process.execPath}" "${mainFile}"`;

/** Run in a shell, since its pipes are real: Node's are sockets and hold more. */
async function shell(script: string) {
  const { code, stdout, stderr } = await execute("sh", ["-c", script], { env: environment() });
  return { code, stdout: stdout.toString(), stderr };
}

/** Reads a byte, then the rest once the writer has found the pipe full or has ended. */
const late = `{ head -c 1; cat; }`;

describe("the output of a command", () => {
  test("arrives whole through a pipe, whose buffer holds 64 KiB", async () => {
    const text = `${JSON.stringify(jsonSchema(), undefined, 2)}\n`;
    expect(text.length).toBeGreaterThan(65_536);
    expect((await shell(`${pagoda} schema | ${late}`)).stdout).toBe(text);
  });

  test("arrives whole on standard error, too", async () => {
    const argument = "a".repeat(100_000);
    const { stdout } = await shell(`${pagoda} schema ${argument} 2>&1 >/dev/null | ${late}`);
    expect(stdout).toBe(`pagoda schema: unknown argument "${argument}"; see pagoda --help\n`);
  });

  test("may be cut off by its reader without an error", async () => {
    const { stdout, stderr } = await shell(`{ ${pagoda} schema; echo "code $?" >&2; } | head -c 1`);
    expect({ stdout, stderr }).toEqual({ stdout: "{", stderr: "code 0\n" });
  });

  test("fails the command when the disk is full", async ({ skip }) => {
    skip(process.platform !== "linux", "impossible here: only Linux has /dev/full");
    const { code, stderr } = await shell(`${pagoda} schema >/dev/full`);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^pagoda: cannot write to standard output: ENOSPC.*\n$/);
  });
});
