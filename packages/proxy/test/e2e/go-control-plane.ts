import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { TestContext } from "vitest";
import { GoProgram } from "./go-program.ts";
import { quietPort } from "./quiet-port.ts";
import { adopt } from "./system.ts";

const program = new GoProgram("go-control-plane");

/** Builds the control plane before the tests of a file, if that is possible. */
export function buildsGoControlPlane(): void {
  program.builds();
}

export function skipWithoutGo(skip: TestContext["skip"]): void {
  program.skipWithout(skip);
}

export interface GoEndpoint {
  readonly address: string;
  /** As in Envoy: 2 is unhealthy, 3 draining. */
  readonly health?: number;
  readonly weight?: number;
  readonly priority?: number;
  readonly zone?: string;
}

export interface GoSnapshot {
  readonly version: string;
  readonly clusters: Readonly<
    Record<string, { readonly endpoints?: readonly GoEndpoint[]; readonly lbPolicy?: number }>
  >;
  readonly secrets?: Readonly<Record<string, GoSecret>>;
  /** In Envoy's JSON. */
  readonly listeners?: readonly object[];
  readonly routes?: readonly object[];
}

/** A certificate with its key, or authorities, as PEM. */
export type GoSecret =
  | { readonly certificate: string; readonly key: string }
  | { readonly authorities: string };

/** A request of a client. */
export interface GoRequest {
  readonly type: string;
  readonly version: string;
  readonly nonce: string;
  readonly names: readonly string[] | null;
  readonly error?: string;
  /** The versions of what it has, in the first request of a type. */
  readonly known?: Readonly<Record<string, string>>;
}

/** A control plane made with go-control-plane, in a process of its own. */
export class GoControlPlane implements AsyncDisposable {
  readonly requests: GoRequest[] = [];
  readonly #waiting = new Set<() => void>();
  #child: ChildProcess | undefined;
  #served: string | undefined;
  #port = 0;

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get port(): number {
    return this.#port;
  }

  /** Starts it, on the former port after it was killed. */
  async listen(): Promise<this> {
    if (this.#port === 0) this.#port = await quietPort();
    const child = adopt(
      spawn(program.path, [`127.0.0.1:${this.#port}`], { stdio: ["pipe", "pipe", "inherit"] }),
    );
    this.#child = child;
    const { promise: listening, resolve, reject } = Promise.withResolvers<void>();
    child.once("close", () => reject(new Error("the control plane has ended")));
    createInterface({ input: child.stdout }).on("line", (text) => {
      const line = JSON.parse(text) as Partial<GoRequest> & { port?: number; served?: string };
      if (line.port !== undefined) resolve();
      else if (line.served !== undefined) this.#served = line.served;
      else this.requests.push(line as GoRequest);
      for (const wake of this.#waiting) wake();
      this.#waiting.clear();
    });
    await listening;
    return this;
  }

  /** Serves a snapshot from now on. */
  async serve(snapshot: GoSnapshot): Promise<void> {
    this.#child?.stdin?.write(`${JSON.stringify(snapshot)}\n`);
    await this.until(() => this.#served === snapshot.version);
  }

  /** The first request that matches, past or future. */
  async request(matches: (request: GoRequest) => boolean): Promise<GoRequest> {
    await this.until(() => this.requests.some(matches));
    return this.requests.find(matches) as GoRequest;
  }

  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }

  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#child?.kill(signal);
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("close", resolve));
    child.kill("SIGKILL");
    await ended;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}
