import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { once } from "node:events";
import type { Effect } from "../../src/simulation/scenario/effect.ts";
import type { OriginSettings } from "../../src/simulation/scenario/schema.ts";

const program = fileURLToPath(new URL("origin-program.ts", import.meta.url));

/** A real origin. What a simulated one does to its process is really done to this one. */
export class RealOrigin {
  readonly port: number;
  readonly #settings: OriginSettings;
  readonly #seed: number;
  #child: ChildProcess;

  private constructor(child: ChildProcess, port: number, settings: OriginSettings, seed: number) {
    this.#child = child;
    this.port = port;
    this.#settings = settings;
    this.#seed = seed;
  }

  static async start(settings: OriginSettings, seed: number): Promise<RealOrigin> {
    const [child, port] = await listening(0, settings, seed);
    return new RealOrigin(child, port, settings, seed);
  }

  async begin(effect: Effect): Promise<void> {
    if (effect.kind === "die") await this.stop();
    else if (effect.kind === "hang") this.#child.kill("SIGSTOP");
    else this.#child.send(effect);
  }

  async end(effect: Effect): Promise<void> {
    if (effect.kind === "die") [this.#child] = await listening(this.port, this.#settings, this.#seed + 1);
    else if (effect.kind === "hang") this.#child.kill("SIGCONT");
    else this.#child.send(null as never);
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await ended;
  }
}

async function listening(
  port: number,
  settings: OriginSettings,
  seed: number,
): Promise<readonly [ChildProcess, number]> {
  const child = fork(program, [`${port}`, JSON.stringify(settings), `${seed}`]);
  const [message] = (await once(child, "message")) as [{ readonly port: number }];
  return [child, message.port];
}
