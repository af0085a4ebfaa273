import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { call } from "./client.ts";
import { Folder, says } from "./configured.ts";
import { rawOrigin } from "./origin.ts";
import { environment, type LogLine, mainFile, sample, until } from "./program.ts";
import { quietPort } from "./quiet-port.ts";
import { adopt, need, skipWithout } from "./system.ts";

/**
 * Each line of the access log has about 4 kB, so a few hundred fill the buffers of pipe and
 * program.
 */
const path = `/${"x".repeat(4_000)}`;

/** A proxy that logs a line for each call, before it runs. */
async function loggingAll(folder: Folder) {
  const { promise: looked, resolve } = Promise.withResolvers<void>();
  const upstream = await rawOrigin(() => resolve());
  const [port, adminPort] = [await quietPort(), await quietPort()];
  const admin = `http://127.0.0.1:${adminPort}`;
  const file = folder.write("pagoda.yaml", {
    listeners: [
      {
        address: `127.0.0.1:${port}`,
        routes: [says("here"), { name: "looked-at", match: { path: "/origin" }, cluster: "origin" }],
      },
    ],
    clusters: { origin: { endpoints: [upstream.url] } },
    admin: { address: `127.0.0.1:${adminPort}` },
    log: { accessRatio: "100%" },
  });
  return {
    args: [mainFile, "-c", file],
    env: environment({ PROXY_LISTEN_ADDR: "", PROXY_METRICS_ADDR: "" }),
    admin,
    async [Symbol.asyncDispose]() {
      await upstream[Symbol.asyncDispose]();
    },
    /** It probes its origins right before it listens. */
    async serving() {
      await looked;
      await until(
        () =>
          call(`${admin}/ready`).then(
            ({ status }) => status,
            () => 0,
          ),
        (status) => status === 200,
      );
    },
    async dropped() {
      return sample((await call(`${admin}/metrics`)).body, "pagoda_log_lines_dropped_total");
    },
    async calls(count: number) {
      for (let i = 0; i < count; i++)
        expect((await call(`http://127.0.0.1:${port}${path}`)).status).toBe(200);
    },
    /** Makes calls until more lines have been dropped than before. All of them are answered. */
    async callUntilDropped() {
      const before = await this.dropped();
      await until(
        async () => {
          await this.calls(50);
          return this.dropped();
        },
        (dropped) => dropped > before,
      );
    },
  };
}

function start(args: readonly string[], env: NodeJS.ProcessEnv, stdout: "pipe" | number) {
  const child = adopt(spawn(process.execPath, args, { env, stdio: ["ignore", stdout, "inherit"] }));
  return Object.assign(child, { exit: once(child, "exit") });
}

describe("the log never stops the proxy", () => {
  test("when nobody reads standard output: requests, SIGHUP and SIGTERM work", async () => {
    using folder = new Folder();
    await using proxy = await loggingAll(folder);
    const child = start(proxy.args, proxy.env, "pipe");
    await proxy.serving();
    await proxy.callUntilDropped();
    child.kill("SIGHUP");
    await proxy.callUntilDropped();
    child.kill("SIGTERM");
    expect(await child.exit).toEqual([0, null]);
  });

  test("and reports how many lines were dropped once its output is read again", async () => {
    using folder = new Folder();
    await using proxy = await loggingAll(folder);
    const child = start(proxy.args, proxy.env, "pipe");
    await proxy.serving();
    await proxy.callUntilDropped();
    let text = "";
    const stdout = child.stdout as Readable;
    stdout.setEncoding("utf8").on("data", (more: string) => (text += more));
    while (!/log lines dropped.*\n/.test(text)) await once(stdout, "data");
    // Only whole lines were written.
    const lines = text
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as LogLine);
    expect(lines.find(({ msg }) => msg.startsWith("log lines dropped"))).toMatchObject({
      level: 40,
      dropped: expect.any(Number),
    });
    child.kill("SIGTERM");
    expect(await child.exit).toEqual([0, null]);
  });

  test("when the reader is gone", async () => {
    using folder = new Folder();
    await using proxy = await loggingAll(folder);
    const child = start(proxy.args, proxy.env, "pipe");
    await proxy.serving();
    (child.stdout as Readable).destroy();
    await proxy.callUntilDropped();
    child.kill("SIGTERM");
    expect(await child.exit).toEqual([0, null]);
  });

  test("when the disk is full", async () => {
    using folder = new Folder();
    await using proxy = await loggingAll(folder);
    const full = openSync("/dev/full", "w");
    const child = start(proxy.args, proxy.env, full);
    closeSync(full);
    await proxy.serving();
    await proxy.callUntilDropped();
    child.kill("SIGHUP");
    await proxy.callUntilDropped();
    child.kill("SIGTERM");
    expect(await child.exit).toEqual([0, null]);
  });

  test("when a terminal is stopped", async ({ skip }) => {
    skipWithout(skip, "script");
    using folder = new Folder();
    await using proxy = await loggingAll(folder);
    const words = [process.execPath, ...proxy.args].map((word) => JSON.stringify(word));
    const terminal = adopt(
      spawn(need("script"), ["-qefc", `exec ${words.join(" ")}`, "/dev/null"], {
        env: { ...proxy.env, TERM: "xterm" },
        stdio: ["pipe", "pipe", "inherit"],
      }),
    );
    const exit = once(terminal, "exit");
    terminal.stdout.resume();
    await proxy.serving();
    // From here on, nobody reads what the program writes to its terminal.
    terminal.kill("SIGSTOP");
    await proxy.calls(50);
    expect((await call(`${proxy.admin}/drain`, { method: "POST" })).status).toBe(202);
    await until(
      () =>
        call(`${proxy.admin}/health`).then(
          () => true,
          () => false,
        ),
      (answers) => !answers,
    );
    terminal.kill("SIGCONT");
    expect(await exit).toEqual([0, null]);
  });
});
