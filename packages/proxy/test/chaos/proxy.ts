import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createReadStream, openSync, readdirSync, readFileSync } from "node:fs";
import { watch } from "node:fs/promises";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

/** Where the log goes: each destination fails in its own way. */
export type LogTo = "pipe" | "file";

interface LogLine {
  readonly msg: string;
  readonly path?: string;
  readonly reason?: string;
  readonly err?: { readonly message: string };
}

/** The environment without variables of the user's own proxy, which would override the file. */
function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(?:PROXY_.*|LOG_LEVEL)$/.test(name)),
  );
}

/** The logged reason for the end of a worker. */
const endReasons: ReadonlySet<string> = new Set(["crash", "memory", "hang", "exit"]);

/** Whether a process is running, as opposed to a zombie. */
function isRunning(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return false;
  }
}

function wasKilled(err: LogLine["err"]): boolean {
  return err?.message.startsWith("ended by SIGKILL") === true;
}

/** The program under test. */
export class Proxy {
  readonly #logTo: LogTo;
  readonly #logFile: string;
  readonly #process: ChildProcess;
  readonly #messages: string[] = [];
  /** The lines of the access log, by path. */
  readonly lines = new Map<string, string[]>();
  readonly exit: Promise<readonly [number | null, NodeJS.Signals | null]>;
  exited: string | undefined;
  /** Number of ended workers, by logged reason. */
  readonly ends: Record<string, number> = {};
  /** Log lines of workers that crashed: they were neither killed nor hung. */
  readonly crashes: string[] = [];

  constructor(config: string, logTo: LogTo, logFile: string) {
    this.#logTo = logTo;
    this.#logFile = logFile;
    const stdout = logTo === "pipe" ? "pipe" : openSync(logFile, "a");
    this.#process = spawn(process.execPath, [program, "-c", config], {
      env: environment(),
      stdio: ["ignore", stdout, "inherit"],
    });
    this.exit = once(this.#process, "close") as unknown as typeof this.exit;
    void this.exit.then(([code, signal]) => (this.exited = `code ${code}, signal ${signal}`));
    if (logTo === "pipe") this.#read(this.#process.stdout as Readable);
  }

  get pid(): number {
    return this.#process.pid as number;
  }

  /** The process ids of its workers, without zombies. */
  get workers(): readonly number[] {
    return readFileSync(`/proc/${this.pid}/task/${this.pid}/children`, "utf8")
      .split(" ")
      .filter(Boolean)
      .map(Number)
      .filter(isRunning);
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Settles when it logs that it listens, or has ended. */
  async listening(): Promise<void> {
    if (this.#logTo === "pipe") {
      const stdout = this.#process.stdout as Readable;
      while (!this.said("listening on") && this.exited === undefined) await once(stdout, "data");
      return;
    }
    for await (const _ of watch(this.#logFile)) {
      if (readFileSync(this.#logFile, "utf8").includes("listening on") || this.exited !== undefined) return;
    }
  }

  async end(): Promise<string> {
    this.kill("SIGTERM");
    const [code, signal] = await this.exit;
    return signal ?? String(code);
  }

  /** Stops reading the log, or fills the disk. */
  stopLog(): void {
    if (this.#logTo === "pipe") (this.#process.stdout as Readable).pause();
    else this.#limitFiles("1");
  }

  resumeLog(): void {
    if (this.#logTo === "pipe") (this.#process.stdout as Readable).resume();
    else this.#limitFiles("unlimited");
  }

  /** Reads a log file; a pipe is read continuously. */
  async readLog(): Promise<void> {
    if (this.#logTo === "pipe") return;
    const lines = createInterface({ input: createReadStream(this.#logFile) });
    for await (const line of lines) this.#line(line);
  }

  said(message: string): boolean {
    return this.#messages.some((each) => each.includes(message));
  }

  /** Open files, of the main process and of each worker. */
  openFiles(): readonly number[] {
    return [this.pid, ...this.workers].map((pid) => readdirSync(`/proc/${pid}/fd`).length);
  }

  /** Resident memory of the main process and of each worker, in MiB. */
  resident(): readonly number[] {
    return [this.pid, ...this.workers].map((pid) => {
      const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
      return Number(kib) / 1_024;
    });
  }

  /**
   * Limits the file size, so that writes fail as on a full disk. Node ignores the accompanying
   * signal.
   */
  #limitFiles(bytes: string): void {
    const limit = (pid: number): void =>
      void spawnSync("prlimit", [`--pid=${pid}`, `--fsize=${bytes}:unlimited`], { stdio: "ignore" });
    // Workers started from now on inherit the limit of the main process.
    limit(this.pid);
    for (const pid of this.workers) limit(pid);
  }

  #read(stdout: Readable): void {
    createInterface({ input: stdout }).on("line", (line) => this.#line(line));
  }

  #line(text: string): void {
    if (!text.startsWith("{")) return;
    const { msg, path, reason, err } = JSON.parse(text) as LogLine;
    if (reason !== undefined && endReasons.has(reason)) {
      this.ends[reason] = (this.ends[reason] ?? 0) + 1;
      if (reason !== "hang" && !wasKilled(err)) this.crashes.push(text);
    }
    if (path === undefined) return void this.#messages.push(msg);
    const lines = this.lines.get(path);
    if (lines === undefined) this.lines.set(path, [text]);
    else lines.push(text);
  }
}
