import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type { Folder } from "./configured.ts";
import { quietPort } from "./quiet-port.ts";
import { adopt, execute, need } from "./system.ts";

const serves = /ready to accept connections/i;

/** A Redis on a port of loopback, which keeps nothing on disk. */
export class Redis implements AsyncDisposable {
  readonly port: number;
  readonly #folder: Folder;
  readonly #args: readonly string[];
  readonly #isReady: RegExp;
  #child: ChildProcess | undefined;

  private constructor(port: number, folder: Folder, args: readonly string[], isReady: RegExp) {
    this.port = port;
    this.#folder = folder;
    this.#args = args;
    this.#isReady = isReady;
  }

  static start(folder: Folder, ...args: readonly string[]): Promise<Redis> {
    return Redis.#start(folder, ["--save", "", ...args], serves);
  }

  /** One that watches a master, which it calls `limits`. */
  static sentinel(folder: Folder, master: Redis): Promise<Redis> {
    const lines = [
      `sentinel monitor limits 127.0.0.1 ${master.port} 1`,
      "sentinel down-after-milliseconds limits 500",
      "sentinel failover-timeout limits 5000",
      "",
    ];
    const file = folder.write("sentinel.conf", lines.join("\n"));
    return Redis.#start(folder, [file, "--sentinel"], /sentinel id is/i);
  }

  static async #start(folder: Folder, args: readonly string[], isReady: RegExp): Promise<Redis> {
    // Nothing else gets this port while Redis is away.
    const redis = new Redis(await quietPort(), folder, args, isReady);
    await redis.start();
    return redis;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts it again after its end. */
  async start(): Promise<void> {
    const [first = "", ...rest] = this.#args;
    // A file comes first.
    const args = first.startsWith("--") ? [...this.#fixed, ...this.#args] : [first, ...this.#fixed, ...rest];
    const child = adopt(spawn(need("redis-server"), args, { stdio: ["ignore", "pipe", "inherit"] }));
    this.#child = child;
    for await (const line of createInterface({ input: child.stdout as Readable })) {
      if (!this.#isReady.test(line)) continue;
      child.stdout.resume();
      return;
    }
    throw new Error("Redis ended before it was ready");
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** Kills it. Its data are lost. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "close");
    child.kill("SIGKILL");
    await ended;
  }

  /** Runs a command; returns its reply as text. */
  async command(...words: readonly string[]): Promise<string> {
    const { stdout } = await execute("redis-cli", ["-p", String(this.port), ...words]);
    const reply = stdout.toString().trim();
    if (/^(?:ERR|NOAUTH|WRONGPASS)\b/.test(reply)) throw new Error(`${words.join(" ")}: ${reply}`);
    return reply;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  get #fixed(): readonly string[] {
    return ["--port", String(this.port), "--bind", "127.0.0.1", "--dir", this.#folder.path];
  }
}

/** A proxy that answers by itself, up to a limit that is kept in a store. */
export function limited(store: object, rateLimit: object): object {
  return {
    stores: { limits: { timeout: "30s", ...store } },
    clusters: {},
    listeners: [
      {
        address: "127.0.0.1:0",
        name: "main",
        policies: { rateLimit: { store: "limits", ...rateLimit } },
        routes: [{ name: "all", respond: { status: 200, body: "yes" } }],
      },
    ],
  };
}
