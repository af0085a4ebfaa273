import { type ChildProcess, fork } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";

/** How an origin handles requests. */
export type Mood = "well" | "failing" | "half" | "reset" | "early";
export type Kind = "http1" | "http2";

const program = fileURLToPath(new URL("./origin-program.ts", import.meta.url));

/** An origin that can be killed, stopped and restarted on the same port. */
export class Origin {
  readonly kind: Kind;
  readonly url: string;
  readonly #port: number;
  readonly #records: string;
  #process: ChildProcess | undefined;

  constructor(kind: Kind, port: number, records: string) {
    this.kind = kind;
    this.#port = port;
    this.#records = records;
    this.url = `http://127.0.0.1:${port}`;
  }

  async start(): Promise<void> {
    const child = fork(program, [this.kind, String(this.#port), this.#records], { stdio: "inherit" });
    this.#process = child;
    await heard(child);
  }

  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }

  stop(): void {
    this.#process?.kill("SIGSTOP");
  }

  goOn(): void {
    this.#process?.kill("SIGCONT");
  }

  async be(mood: Mood): Promise<void> {
    const child = this.#process;
    if (child === undefined) return;
    const changed = heard(child);
    child.send(mood);
    await changed;
  }

  /** How often each call reached it, and which bodies were corrupt. */
  records(): readonly (readonly [what: string, id: string])[] {
    const lines = readFileSync(this.#records, "utf8").split("\n").filter(Boolean);
    return lines.map((line) => line.split(" ") as [string, string]);
  }
}

/** Settles at its first output. @throws If it ends instead. */
function heard(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null): void =>
      reject(new Error(`an origin ended with ${code} instead of answering`));
    child.once("exit", ended);
    child.once("message", () => {
      child.off("exit", ended);
      resolve();
    });
  });
}

/** Ports outside the system's ephemeral range, which begins at 32,768 on Linux. */
const ports = { from: 20_000, to: 32_000 };

/** A port that stays free while nothing listens on it, so that an origin can be restarted there. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(ports.from, ports.to);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false)).listen(port, "127.0.0.1", () => resolve(true));
    });
    if (!isFree) continue;
    server.close();
    await once(server, "close");
    return port;
  }
}
