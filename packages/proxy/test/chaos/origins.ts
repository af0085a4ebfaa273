import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
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
