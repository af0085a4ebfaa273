import { spawn } from "node:child_process";
import { once } from "node:events";
import { stripVTControlCharacters } from "node:util";
import { describe, expect, test } from "vitest";
import { call } from "./client.ts";
import { rawOrigin, refusing } from "./origin.ts";
import { environment, mainFile, Pagoda, Program, until } from "./program.ts";
import { quietPort } from "./quiet-port.ts";
import { adopt, need, needs } from "./system.ts";

test("log lines are JSON unless standard output is a terminal", async () => {
  await using upstream = await rawOrigin((socket) => void socket.once("data", () => socket.end()));
  await using pagoda = await Pagoda.start({
    PROXY_UPSTREAM_ADDRS: upstream.url,
    LOG_LEVEL: "trace",
  });
  for (let i = 0; i < 2; i++) await call(pagoda.url);
  const pids = [pagoda.pid, ...(await pagoda.workers())];
  pagoda.kill("SIGTERM");
  await pagoda.exit;
  const lines = pagoda.output.trimEnd().split("\n");
  expect(lines).toHaveLength(pagoda.logs.length);
  for (const line of pagoda.logs) {
    expect(line).toMatchObject({ level: expect.any(Number), time: expect.any(Number) });
    expect(pids).toContain(line["pid"]);
    expect(line.msg).toBeTypeOf("string");
  }
  expect(pagoda.logs.map(({ msg }) => msg)).toEqual(
    expect.arrayContaining(["cluster reachable", "GET / 502", "drained"]),
  );
});

describe("LOG_LEVEL", () => {
  /** The log of a proxy that cannot reach one of its upstreams, answers one call, and drains. */
  async function logged(level: string | undefined): Promise<Program> {
    const { promise: looked, resolve } = Promise.withResolvers<void>();
    await using upstream = await rawOrigin((socket) => {
      resolve();
      socket.once("data", () => socket.end());
    });
    const [port, adminPort] = [await quietPort(), await quietPort()];
    await using program = new Program({
      PROXY_UPSTREAM_ADDRS: `${upstream.url},${refusing}`,
      PROXY_LISTEN_ADDR: `127.0.0.1:${port}`,
      PROXY_METRICS_ADDR: `127.0.0.1:${adminPort}`,
      ...(level !== undefined && { LOG_LEVEL: level }),
    });
    // Above `info` it does not log that it listens, but it does so before it probes its upstreams.
    await looked;
    await until(
      () => call(`http://127.0.0.1:${adminPort}/readyz`),
      ({ status }) => status === 200,
    );
    expect((await call(`http://127.0.0.1:${port}`)).status).toBe(502);
    program.kill("SIGTERM");
    expect(await program.exit).toEqual({ code: 0, signal: null });
    return program;
  }

  test.each([
    [undefined, [30, 50]],
    ["debug", [30, 50]],
    ["info", [30, 50]],
    ["warn", [50]],
    ["error", [50]],
    ["fatal", []],
    ["silent", []],
  ])("%s", async (level, levels) => {
    const { logs, output } = await logged(level);
    expect([...new Set(logs.map((line) => line.level))].toSorted()).toEqual(levels);
    expect(output === "").toBe(levels.length === 0);
  });
});

describe("on a terminal", () => {
  needs("script");

  test("log lines are human-readable, and Ctrl+C drains", async () => {
    // Instead of the shell, which would receive the signal, too, and end.
    const command = `exec ${JSON.stringify(process.execPath)} ${JSON.stringify(mainFile)}`;
    const env = environment({ TERM: "xterm", PROXY_UPSTREAM_ADDRS: refusing });
    const child = adopt(spawn(need("script"), ["-qefc", command, "/dev/null"], { env }));
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
    const exit = once(child, "close");
    while (!output.includes("listening on")) await once(child.stdout, "data");
    const [, url] = /listening on (http:\/\/127\.0\.0\.1:\d+), admin/.exec(output) ?? [];
    expect((await call(url as string)).status).toBe(502);
    child.stdin.write("\x03");
    const [code] = (await exit) as [number];
    expect(code).toBe(0);
    const plain = stripVTControlCharacters(output);
    expect(output).not.toBe(plain);
    expect(plain).toMatch(/^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: listening on http:/m);
    expect(plain).toMatch(/^\[.*\] WARN: cluster unreachable$/m);
    expect(plain).toContain('signal: "SIGINT"');
    expect(plain).toMatch(/INFO: drained/);
    expect(plain).not.toContain('{"level"');
  });
});
