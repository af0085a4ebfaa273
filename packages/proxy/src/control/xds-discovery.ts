import type { Clock } from "@pagoda/core";
import type { XdsSource } from "@pagoda/xds";
import type { Resolved } from "../config/resolved.ts";
import type { XdsConfig } from "../config/schema/control.ts";
import { sourceOf } from "../config/sources.ts";
import type { Central } from "../data-plane/central-endpoints.ts";
import type { CentralSource } from "./central-sources.ts";
import { type ControlPlane, type ControlPlanes, planeKey, firstAnswersMs } from "./control-planes.ts";
import { within } from "../within.ts";

export interface XdsDiscoveryOptions {
  readonly clock: Clock;
  readonly planes: ControlPlanes;
  /** Called with the state of a source whenever it changes. */
  readonly changed: (central: Central) => void;
}

/** A control plane, and the clusters that it is asked for. */
interface Connection {
  /** All that makes another connection necessary. */
  readonly settings: string;
  readonly plane: ControlPlane;
  /** By `sourceOf`. */
  readonly sources: Map<string, XdsSource>;
}

/** Gets the endpoints of clusters from a control plane, for all workers. */
export class XdsDiscovery implements CentralSource {
  readonly #options: XdsDiscoveryOptions;
  /** Former connections end when a configuration that does not use them has been applied. */
  readonly #connections = new Set<Connection>();
  #current: Connection | undefined;
  /** What workers have, by source: the state and its text. */
  readonly #sent = new Map<string, { readonly central: Central; readonly text: string }>();
  #isFlushing = false;
  /** Whether everything has been answered once. */
  #isReady = false;

  constructor(options: XdsDiscoveryOptions) {
    this.#options = options;
  }

  get all(): readonly Central[] {
    this.#flush();
    return Array.from(this.#sent.values(), ({ central }) => central);
  }

  get notReady(): string | undefined {
    const waiting = this.#isReady ? [] : (this.#current?.plane.client.unanswered ?? []);
    return waiting.length === 0 ? undefined : `the control plane has not sent ${waiting.join(", ")}`;
  }

  async begin({ config, files }: Resolved): Promise<void> {
    const { xds } = config.control;
    const wanted = wantedBy(config);
    if (xds === undefined || wanted.size === 0) return;
    const settings = settingsOf({ config, files });
    const connection =
      Array.from(this.#connections).find((each) => each.settings === settings) ??
      (await this.#connect(xds, settings, files));
    this.#current = connection;
    for (const [source, { name, tls }] of wanted) {
      if (connection.sources.has(source)) continue;
      const endpoints = connection.plane.client.endpoints(name, { tls });
      endpoints.subscribe(() => this.#later());
      connection.sources.set(source, endpoints);
    }
    const started = Promise.all(Array.from(connection.sources.values(), (each) => each.started));
    await within(firstAnswersMs, started, this.#options.clock);
  }

  keep(resolved: Resolved): void {
    const settings = settingsOf(resolved);
    const wanted = wantedBy(resolved.config);
    // A process that serves stays ready, whatever a further cluster lacks.
    this.#isReady = true;
    this.#current = undefined;
    for (const connection of this.#connections) {
      if (connection.settings === settings && wanted.size > 0) this.#current = connection;
      else this.#end(connection);
    }
    for (const [source, endpoints] of this.#current?.sources ?? []) {
      if (wanted.has(source)) continue;
      this.#current?.sources.delete(source);
      endpoints.close();
    }
    for (const source of this.#sent.keys()) if (!wanted.has(source)) this.#sent.delete(source);
    // The endpoints sent last may be those of another control plane, of a rejected configuration.
    this.#later();
  }

  close(): void {
    for (const connection of this.#connections) this.#end(connection);
  }

  #end(connection: Connection): void {
    this.#connections.delete(connection);
    for (const source of connection.sources.values()) source.close();
    connection.plane.release();
  }

  async #connect(config: XdsConfig, settings: string, files: Resolved["files"]): Promise<Connection> {
    const plane = await this.#options.planes.take({ config, service: "ads" }, files, () => this.#later());
    const connection = { settings, plane, sources: new Map<string, XdsSource>() };
    this.#connections.add(connection);
    return connection;
  }

  /** Sends what has changed in this tick. */
  #later(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    queueMicrotask(() => {
      this.#isFlushing = false;
      for (const central of this.#flush()) this.#options.changed(central);
    });
  }

  /** @returns What has changed since the last time. */
  #flush(): readonly Central[] {
    if (this.#current?.plane.client.unanswered.length === 0) this.#isReady = true;
    const changed: Central[] = [];
    for (const [source, discovery] of this.#current?.sources ?? []) {
      const before = this.#sent.get(source);
      const central = stateOf(source, discovery, before?.central.endpoints);
      const { lastError, state } = central;
      const text = JSON.stringify([lastError, state]);
      if (before?.text === text && before.central.endpoints === central.endpoints) continue;
      this.#sent.set(source, { central, text });
      changed.push(central);
    }
    return changed;
  }
}

/** @param before What is known from another control plane, until this one has answered. */
function stateOf(source: string, discovery: XdsSource, before: Central["endpoints"] = []): Central {
  const { isAnswered, lastError } = discovery;
  // It is sent when it changes, so it must not contain the time since then.
  const { sinceSuccessMs: _success, ...xds } = discovery.state().xds;
  return { source, endpoints: isAnswered ? discovery.endpoints : before, lastError, state: { xds } };
}

/** The clusters of the control plane that a configuration uses, by source. */
function wantedBy({
  clusters,
}: Resolved["config"]): ReadonlyMap<string, { readonly name: string; readonly tls: boolean }> {
  const wanted = new Map<string, { readonly name: string; readonly tls: boolean }>();
  for (const { xds, tls } of Object.values(clusters)) {
    if (xds === undefined) continue;
    wanted.set(sourceOf({ xds, tls }) as string, { name: xds, tls: tls !== undefined });
  }
  return wanted;
}

function settingsOf({ config, files }: Resolved): string {
  const { xds } = config.control;
  return xds === undefined ? "" : planeKey({ config: xds, service: "ads" }, files);
}
