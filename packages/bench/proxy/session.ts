import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Cores } from "./machine.ts";
import { nginxOrigin, originBody } from "./nginx.ts";
import type { Peer } from "./peers.ts";
import { freePort, type Running, start } from "./program.ts";

/** How many endpoints the origin has. */
const endpoints = 4;

/** A peer that runs. */
export interface RunningPeer extends Running {
  readonly url: string;
}

/** An origin and the peers before it. The caller closes the session, which leaves nothing behind. */
export class Session {
  readonly #cores: Cores;
  readonly #folder = mkdtempSync(join(tmpdir(), "pagoda-bench-"));
  readonly #running: Running[] = [];
  #origins: readonly [string, ...string[]] = [""];

  constructor(cores: Cores) {
    this.#cores = cores;
  }

  /** @throws When the origin cannot be started: then there is nothing to measure. */
  async startOrigin(): Promise<void> {
    const ports: number[] = [];
    for (let i = 0; i < endpoints; i++) ports.push(await freePort());
    const urls = ports.map((port) => `http://127.0.0.1:${port}`);
    this.#origins = urls as [string, ...string[]];
    const command = nginxOrigin(this.#folderFor("origin"), ports);
    this.#running.push(await start({ command, core: this.#cores.load, readyUrl: this.#origins[0] }));
  }

  /**
   * @param nodeFlags For a peer that is run by Node.
   * @throws With the reason, when it cannot be started, or does not hand on what the origin answers.
   */
  async startPeer(peer: Peer, nodeFlags: readonly string[] = []): Promise<RunningPeer> {
    const place = {
      folder: this.#folderFor(peer.name),
      port: await freePort(),
      adminPort: await freePort(),
      origins: this.#origins,
    };
    const url = `http://127.0.0.1:${place.port}${peer.path ?? "/"}`;
    const [program = "", ...rest] = peer.command(place);
    const running = await start({
      command: program === process.execPath ? [program, ...nodeFlags, ...rest] : [program, ...rest],
      core: this.#cores.proxy,
      readyUrl: peer.readyUrl?.(place) ?? url,
      ...(peer.env && { env: peer.env(place) }),
    });
    this.#running.push(running);
    const response = await fetch(url, { signal: AbortSignal.timeout(5_000) });
    const body = await response.text();
    if (response.status !== 200 || body !== originBody) {
      throw new Error(`it answers ${response.status} with ${body.length} characters instead of the origin's`);
    }
    return { ...running, url };
  }

  async close(): Promise<void> {
    // The origin last: a proxy whose origin goes first has something to complain about.
    for (const running of this.#running.splice(0).toReversed()) await running.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #folderFor(name: string): string {
    const folder = join(this.#folder, name);
    mkdirSync(folder);
    return folder;
  }
}
