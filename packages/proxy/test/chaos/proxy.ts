import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createReadStream, openSync, readdirSync, readFileSync } from "node:fs";
import { watch } from "node:fs/promises";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

/** Where the log goes: what can go wrong with it differs. */
export type LogTo = "pipe" | "file";

interface LogLine {
  readonly msg: string;
  readonly path?: string;
  readonly reason?: string;
  readonly err?: { readonly message: string };
}

/** Nothing of what the person who runs this has set for a proxy of theirs: variables override the file. */
function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(?:PROXY_.*|LOG_LEVEL)$/.test(name)),
  );
}

/** What the log gives as the reason for which a worker ended. */
const endReasons: ReadonlySet<string> = new Set(["crash", "memory", "hang", "exit"]);

/** Whether a process is there, and not merely one that its parent has not noticed the end of. */
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
  /** How many workers ended, by the reason that the log gives. */
  readonly ends: Record<string, number> = {};
  /** Log lines of workers that ended by themselves: nobody killed them, and they did not hang. */
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

  /** The process ids of its workers, without those that have ended and not been noticed yet. */
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

  /** Settles when it says that it listens, or has ended. */
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

  /** Nobody reads the log, or the disk is full. */
  stopLog(): void {
    if (this.#logTo === "pipe") (this.#process.stdout as Readable).pause();
    else this.#limitFiles("1");
  }

  resumeLog(): void {
    if (this.#logTo === "pipe") (this.#process.stdout as Readable).resume();
    else this.#limitFiles("unlimited");
  }

  /** Reads what a log file has; a pipe has been read all along. */
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

  /** Writes beyond this size fail, as they do on a disk that is full. Node ignores the signal that comes with it. */
  #limitFiles(bytes: string): void {
    const limit = (pid: number): void =>
      void spawnSync("prlimit", [`--pid=${pid}`, `--fsize=${bytes}:unlimited`], { stdio: "ignore" });
    // Workers that start from now on have the limit of the main process.
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
