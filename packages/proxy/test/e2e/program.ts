import { type ChildProcessByStdio, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { inject, type RunnerTestCase as Test, TestRunner } from "vitest";
import { adopt } from "./system.ts";

/** A JSON line of the program's log. */
export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** How a program ended: with an exit code, or by a signal that it did not handle. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export type Environment = Readonly<Record<string, string>>;

/** The program, bundled: see scripts/bundle.ts. */
export const mainFile: string = inject("pagoda");

/** Node's compile cache, which halves the startup time. */
const compiled = fileURLToPath(new URL("../../../../node_modules/.cache/node", import.meta.url));

/** Free ports, and no variables of the user's own proxy. */
export function environment(env: Environment = {}): Record<string, string | undefined> {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(?:PROXY_.*|LOG_LEVEL|NODE_.*|VITEST.*|FORCE_COLOR|NO_COLOR)$/.test(name),
  );
  return {
    ...Object.fromEntries(inherited),
    NODE_COMPILE_CACHE: compiled,
    PROXY_LISTEN_ADDR: "127.0.0.1:0",
    PROXY_METRICS_ADDR: "127.0.0.1:0",
    // One worker; tests of several say so.
    PROXY_WORKERS: "1",
    ...env,
  };
}

/** `pagoda` as a user runs it, in its own process. It does not outlive the test that started it. */
export class Program implements AsyncDisposable {
  readonly pid: number;
  /** Settles when it has ended and all of its output has arrived. */
  readonly exit: Promise<Exit>;
  /** All of standard output and standard error so far. */
  output = "";
  readonly #kill: (signal: NodeJS.Signals) => void;
  readonly #lines: LogLine[] = [];
  readonly #waiting = new Set<() => void>();
  #ended = false;

  /** @param sockets Descriptors passed as by a service manager. */
  constructor(env: Environment, args: readonly string[] = [], sockets: readonly number[] = []) {
    const words = [process.execPath, mainFile, ...args];
    // Only the process itself can know its id before it exists.
    const activate = `export LISTEN_PID=$$ LISTEN_FDS=${sockets.length}; exec "$0" "$@"`;
    const [command = "", ...rest] = sockets.length === 0 ? words : ["sh", "-c", activate, ...words];
    const child = adopt(
      spawn(command, rest, {
        env: environment(env),
        stdio: ["ignore", "pipe", "pipe", ...sockets],
      }) as ChildProcessByStdio<null, Readable, Readable>,
    );
    this.pid = child.pid as number;
    this.#kill = (signal) => void child.kill(signal);
    child.stderr.setEncoding("utf8").on("data", (text: string) => (this.output += text));
    createInterface({ input: child.stdout }).on("line", (line) => this.#line(line));
    this.exit = new Promise((resolve) => {
      child.once("close", (code, signal) => {
        this.#ended = true;
        this.#wake();
        resolve({ code, signal });
      });
    });
  }

  get logs(): readonly LogLine[] {
    return this.#lines;
  }

  /** The first log line that matches, past or future. Fails if the program ends without it. */
  async log(message: string | ((line: LogLine) => boolean)): Promise<LogLine> {
    const holds = typeof message === "string" ? (line: LogLine) => line.msg.includes(message) : message;
    for (let i = 0; ; i++) {
      while (i >= this.#lines.length) {
        if (this.#ended) throw new Error(`pagoda ended without the log line ${message}:\n${this.output}`);
        await new Promise<void>((resolve) => this.#waiting.add(resolve));
      }
      const line = this.#lines[i] as LogLine;
      if (holds(line)) return line;
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.#kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#ended) this.#kill("SIGKILL");
    await this.exit;
  }

  #line(line: string): void {
    this.output += `${line}\n`;
    // The demo's text is not a log line.
    if (!line.startsWith("{")) return;
    this.#lines.push(JSON.parse(line) as LogLine);
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

/** A listening proxy. */
export class Pagoda extends Program {
  url = "";
  adminUrl = "";

  /** Starts it, on free ports by default, and waits until it logs its addresses. */
  static async start(env: Environment = {}, sockets: readonly number[] = []): Promise<Pagoda> {
    const pagoda = new Pagoda(env, [], sockets);
    const { url, adminUrl } = await pagoda.log("listening on");
    Object.assign(pagoda, { url, adminUrl });
    return pagoda;
  }

  /** A page of the admin endpoint. */
  async admin(path: string): Promise<{ readonly status: number; readonly text: string }> {
    const response = await fetch(this.adminUrl + path);
    return { status: response.status, text: await response.text() };
  }

  /** The process ids of its workers, by number. */
  async workers(): Promise<readonly number[]> {
    const stack = JSON.parse((await this.admin("/stack")).text) as {
      readonly inner: readonly { readonly options: { readonly pid: number } }[];
    };
    return stack.inner.map(({ options }) => options.pid);
  }

  /** A sample of the metrics: the value of the series whose labels include these, or 0. */
  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    return sample((await this.admin("/metrics")).text, name, labels);
  }
}

/** Ends the process that replaced the one started by the test. */
export function successorOf(pagoda: Pagoda): Disposable {
  return {
    [Symbol.dispose]() {
      const pid = pagoda.logs.findLast(({ msg }) => msg.startsWith("listening on"))?.["pid"] as number;
      try {
        if (pid !== pagoda.pid) process.kill(pid, "SIGKILL");
      } catch {
        // It has ended.
      }
    },
  };
}

/** The same for metrics read before. */
export function sample(text: string, name: string, labels: Readonly<Record<string, string>> = {}): number {
  const values = text
    .split("\n")
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter((line) => Object.entries(labels).every(([key, value]) => line.includes(`${key}="${value}"`)))
    .map((line) => Number(line.slice(line.lastIndexOf(" ") + 1)));
  return values.reduce((sum, value) => sum + value, 0);
}

/** Runs the program to its end. */
export async function run(env: Environment, ...args: readonly string[]): Promise<Exit & { output: string }> {
  await using program = new Program(env, args);
  const exit = await program.exit;
  return { ...exit, output: program.output };
}

/** Between two looks, in ms. What the test waits for needs the processor more than the looks do. */
const lookEveryMs = 10;

/**
 * Polls until a condition holds, for facts that the proxy learns a moment after the test, such as the end of a
 * connection. Only the timeout of the test bounds it; the error of that then ends with the last value.
 */
export async function until<T>(read: () => Promise<T>, holds: (value: T) => boolean): Promise<T> {
  const signal = TestRunner.getCurrentTest<Test | undefined>()?.context.signal;
  let value: T | undefined;
  // The test has failed with this error when it is aborted; another one would be lost.
  const report = (): void => {
    const { reason } = signal as AbortSignal & { readonly reason: Error };
    reason.message += `\nThe last look saw ${JSON.stringify(value)}`;
  };
  signal?.addEventListener("abort", report, { once: true });
  try {
    for (;;) {
      value = await read();
      if (holds(value)) return value;
      // oxlint-disable-next-line pagoda/no-sleep -- it ends when the condition holds, however long that takes
      await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
      signal?.throwIfAborted();
    }
  } finally {
    signal?.removeEventListener("abort", report);
  }
}
