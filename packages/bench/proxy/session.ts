import { chmodSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Target } from "./load/client.ts";
import { probe } from "./load/probe.ts";
import type { Cores } from "./machine.ts";
import { certificate, origin } from "./origin.ts";
import type { Certificate, Peer, Place } from "./peers/peer.ts";
import { freePort, type Running, start } from "./program.ts";
import { requestOf, type Workload, workloads } from "./workloads.ts";

/** How many endpoints the origin has. */
const endpoints = 4;

/** A peer that runs. */
export interface RunningPeer extends Running {
  readonly peer: Peer;
  /** What to send it for a workload with the topology that it was started for. */
  target(workload: Workload): Target;
}

/** An origin and the peers before it. The caller closes the session, which leaves nothing behind. */
export class Session {
  readonly #cores: Cores;
  readonly #folder = mkdtempSync(join(tmpdir(), "pagoda-bench-"));
  readonly #running: Running[] = [];
  #ports: Readonly<Record<Place["back"], readonly number[]>> = { http1: [], http2: [] };
  #certificate: Certificate | undefined;
  #folders = 0;

  constructor(cores: Cores) {
    this.#cores = cores;
    // Where root starts nginx, its worker is another user, who has to read the origin's files.
    chmodSync(this.#folder, 0o755);
  }

  /** @throws When the origin cannot be started: then there is nothing to measure. */
  async startOrigin(): Promise<void> {
    this.#certificate = certificate(this.#folder);
    const ports: number[] = [];
    for (let i = 0; i < 2 * endpoints; i++) ports.push(await freePort());
    this.#ports = { http1: ports.slice(0, endpoints), http2: ports.slice(endpoints) };
    const target = this.originTarget(workloads[0] as Workload);
    await this.#start(origin(this.#folderFor("origin"), this.#ports), this.#cores.load, () => probe(target));
  }

  /** What to send to the origin itself. */
  originTarget(workload: Workload): Target {
    const protocol = workload.back;
    return targetOf(workload, this.#ports[protocol][0] as number, { protocol, tls: false, isMesh: false });
  }

  /**
   * @param workload One with the topology that the peer is to be configured for.
   * @param nodeFlags For a peer that is run by Node.
   * @throws With the reason, when it cannot be started, or does not pass on what the origin answers.
   */
  async startPeer(peer: Peer, workload: Workload, nodeFlags: readonly string[] = []): Promise<RunningPeer> {
    if (this.#certificate === undefined) throw new Error("the origin has not been started");
    const { front, back, isGrpc } = workload;
    const place: Place = {
      front,
      back,
      isGrpc,
      folder: this.#folderFor(peer.name),
      port: await freePort(),
      adminPort: await freePort(),
      origins: this.#ports[back].map((port) => `127.0.0.1:${port}`) as [string, ...string[]],
      certificate: this.#certificate,
    };
    const target = (of: Workload): Target =>
      targetOf(of, place.port, {
        protocol: front === "http2" ? "http2" : "http1",
        tls: front === "tls",
        isMesh: peer.isMesh === true,
      });
    const [program = "", ...rest] = peer.command(place);
    const command = program === process.execPath ? [program, ...nodeFlags, ...rest] : [program, ...rest];
    const running = await this.#start(command, this.#cores.proxy, () => probe(target(workload)));
    return { ...running, peer, target };
  }

  /** May be called several times. */
  async close(): Promise<void> {
    // The origin last: a proxy whose origin goes first has something to complain about.
    for (const running of this.#running.toReversed()) await running.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #start(command: readonly string[], core: string, isReady: () => Promise<void>): Promise<Running> {
    const running = await start({ command, core, isReady });
    this.#running.push(running);
    return running;
  }

  #folderFor(name: string): string {
    const folder = join(this.#folder, `${name}-${this.#folders++}`);
    mkdirSync(folder);
    return folder;
  }
}

function targetOf(
  workload: Workload,
  port: number,
  { protocol, tls, isMesh }: Pick<Target, "protocol" | "tls"> & { readonly isMesh: boolean },
): Target {
  const { responseBytes } = workload;
  return { host: "127.0.0.1", port, tls, protocol, responseBytes, request: requestOf(workload, isMesh) };
}
