import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { describe, expect, test } from "vitest";
import { variables } from "../../src/config/environment.ts";
import { listen, refusing } from "./origin.ts";
import { Pagoda, Program, run } from "./program.ts";
import { execute, skipWithout } from "./system.ts";

describe("started without an upstream,", () => {
  test("demo origins answer in turn", async () => {
    await using pagoda = await Pagoda.start();
    const ask = async (): Promise<unknown> => (await fetch(`${pagoda.url}/a?b=c`)).json();
    const [first, second] = [await ask(), await ask()];
    expect(first).toMatchObject({ origin: "one", method: "GET", target: "/a?b=c" });
    expect(second).toMatchObject({ origin: "two" });
  });

  test("the program prints its addresses and three commands that work", async ({ skip }) => {
    skipWithout(skip, "curl");
    await using pagoda = await Pagoda.start();
    const { upstreams } = await pagoda.log("listening on");
    for (const url of [pagoda.url, pagoda.adminUrl, ...(upstreams as string[])]) {
      expect(pagoda.output).toContain(url);
      expect((await fetch(`${url}/health`)).status).toBe(200);
    }
    const commands = [...pagoda.output.matchAll(/^ +(curl .*)$/gm)].map(([, command]) => command as string);
    expect(commands).toHaveLength(3);
    const outputs = [];
    for (const command of commands) {
      const { code, stdout, stderr } = await execute("sh", ["-c", command]);
      expect(code, `${command}: ${stderr}`).toBe(0);
      outputs.push(stdout.toString());
    }
    expect(JSON.parse(outputs[0] as string)).toMatchObject({ method: "GET", target: "/" });
    expect(JSON.parse(outputs[1] as string)).toMatchObject({ name: "pagoda" });
    expect(outputs[2]).toMatch(
      /^http_requests_total\{listener=".+",method="GET",route="all",cluster="upstream",status="200",upstream="http:/m,
    );
  });

  test("the program is ready", async () => {
    await using pagoda = await Pagoda.start();
    expect(await pagoda.admin("/readyz")).toEqual({ status: 200, text: "ready\n" });
  });
});

describe("called or configured wrongly,", () => {
  test("the program lists every problem with variable, value and valid values, and exits with 2", async () => {
    const wrong = {
      PROXY_LISTEN_ADDR: "3000",
      PROXY_UPSTREAM_ADDRS: "http://a:1,ftp://b:2",
      PROXY_METRICS_ADDR: "127.0.0.1:65536",
      PROXY_REQUEST_TIMEOUT_MS: "0",
      PROXY_MAX_CONNECTIONS: "many",
      PROXY_WORKERS: "0",
      LOG_LEVEL: "loud",
    };
    const { code, output } = await run(wrong);
    expect(code).toBe(2);
    const lines = output.trimEnd().split("\n");
    expect(lines).toHaveLength(7);
    for (const [i, [variable, value]] of Object.entries(wrong).entries()) {
      const { valid } = variables[variable as keyof typeof variables];
      expect(lines[i]).toBe(`pagoda: ${variable} must be ${valid} (got "${value}")`);
    }
  });

  test.each([["--port"], ["-p"], ["serve"], ["--help=yes"]])(
    "the program rejects the argument %s and exits with 2",
    async (flag) => {
      const { code, output } = await run({}, flag);
      expect(code).toBe(2);
      expect(output).toContain(flag.replace("=yes", ""));
      expect(output).toContain("see pagoda --help");
      expect(output).not.toMatch(/^ +at /m);
    },
  );

  test("--workers lists its valid values", async () => {
    const { code, output } = await run({}, "--workers", "0");
    const { valid } = variables.PROXY_WORKERS;
    expect([code, output]).toEqual([2, `pagoda: --workers must be ${valid} (got "0"); see pagoda --help\n`]);
  });

  test.each([
    ["PROXY_LISTEN_ADDR", "fatal"],
    ["PROXY_METRICS_ADDR", "info"],
  ])(
    "the program reports that the address of %s is in use, and exits with 1",
    async (variable, LOG_LEVEL) => {
      await using taken = await listen(createServer());
      const address = `127.0.0.1:${taken.port}`;
      const { code, output } = await run({
        [variable]: address,
        LOG_LEVEL,
        PROXY_UPSTREAM_ADDRS: refusing,
      });
      expect(code).toBe(1);
      expect(output).toContain(`cannot listen on ${address}: EADDRINUSE`);
      expect(output).not.toContain("listening on");
    },
  );

  test("an address of another machine exits with 1, too", async () => {
    // 192.0.2.0/24 is reserved for documentation: no machine has it.
    const { code, output } = await run({ PROXY_LISTEN_ADDR: "192.0.2.1:3000" });
    expect(code).toBe(1);
    expect(output).toContain("cannot listen on 192.0.2.1:3000: EADDRNOTAVAIL");
  });
});

describe("asked about itself,", () => {
  test("--help lists every variable with its default and valid values", async () => {
    const { code, output } = await run({ PROXY_LISTEN_ADDR: "wrong, but not read" }, "--help");
    expect((await run({}, "-h")).output).toBe(output);
    expect(code).toBe(0);
    for (const [name, { valid, fallback, about }] of Object.entries(variables)) {
      expect(output).toContain(
        `  ${name}\n      ${about}\n      ${valid}\n      default: ${fallback || "none"}\n`,
      );
    }
  });

  test("--version prints the package's version", async () => {
    const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
      readonly version: string;
    };
    const { code, output } = await run({}, "--version");
    expect({ code, output }).toEqual({ code: 0, output: `${manifest.version}\n` });
  });
});

test("IPv6 addresses are listened on, and their URLs work", async () => {
  await using pagoda = await Pagoda.start({ PROXY_LISTEN_ADDR: "[::1]:0", PROXY_METRICS_ADDR: "[::1]:0" });
  expect(pagoda.url).toMatch(/^http:\/\/\[::1\]:\d+$/);
  expect((await fetch(pagoda.url)).status).toBe(200);
  expect((await pagoda.admin("/health")).text).toBe("ok\n");
});

test("a program started by a test does not outlive it", async () => {
  let pid: number;
  {
    await using program = new Program({});
    pid = program.pid;
    await program.log("listening on");
  }
  expect(() => process.kill(pid, 0)).toThrow("ESRCH");
});
