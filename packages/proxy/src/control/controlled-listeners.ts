import { type Clock, type Description, isLeft } from "@pagoda/core";
import type { ListenersSource, XdsListener } from "@pagoda/xds";
import type { Logger } from "pino";
import {
  checkControlled,
  clashOf,
  clusterNames,
  type Controlled,
  listenerProblems,
  routesProblems,
} from "../config/controlled.ts";
import type { Loaded } from "../config/load.ts";
import { type ControlPlane, type ControlPlanes, planeKey, firstAnswersMs } from "./control-planes.ts";
import { type NotApplied, notAppliedText, type WorkerDied } from "./protocol.ts";
import { within } from "../within.ts";

export interface ControlledListenersOptions {
  readonly log: Logger;
  readonly clock: Clock;
  readonly planes: ControlPlanes;
  /** Called when listeners or routes have changed. */
  readonly changed: () => void;
}

interface Followed {
  readonly server: string;
  readonly plane: ControlPlane;
  readonly source: ListenersSource;
  /** Those of the control plane before, until this one has answered. */
  before: readonly XdsListener[];
}

/** A listener as it was checked last, for the same settings of the file. */
interface Checked {
  readonly text: string;
  readonly part: Controlled;
}

/** Serves the listeners of a control plane beside those of the file. */
export class ControlledListeners {
  readonly #options: ControlledListenersOptions;
  /** By all that makes another connection necessary. Two while a configuration is being applied. */
  readonly #followed = new Map<string, Followed>();
  /** The configuration of the file that was begun with or kept last, against which resources are checked. */
  #loaded: Loaded | undefined;
  /** By name. */
  readonly #checked = new Map<string, Checked>();
  /** Listeners whose address cannot be opened. */
  readonly #refused = new Map<string, XdsListener>();
  /** What is logged once. */
  readonly #left = new Map<string, string>();
  #isFlushing = false;
  #isReady = false;

  constructor(options: ControlledListenersOptions) {
    this.#options = options;
  }

  /** Follows the listeners of a control plane. Settles when it has answered or failed once. */
  async begin(loaded: Loaded): Promise<void> {
    const { config, files } = loaded;
    const { xds } = config.control;
    const before = this.#sent(this.#loaded);
    const isFirst = this.#loaded === undefined;
    this.#loaded = loaded;
    // A process that serves stays ready.
    if (xds?.listeners !== true) this.#isReady ||= isFirst;
    if (xds?.listeners !== true) return;
    if (this.#of(loaded) !== undefined) return;
    const plane = await this.#options.planes.take({ config: xds, service: "ads" }, files, () => {});
    const source = plane.client.listeners({
      listener: (listener) => this.#problems((own) => listenerProblems(listener, own.config, own.policies)),
      routes: (routes) => this.#problems((own) => routesProblems(routes, own.policies)),
    });
    const key = planeKey({ config: xds, service: "ads" }, files);
    this.#followed.set(key, { server: xds.server, plane, source, before });
    source.subscribe(() => this.#later());
    await within(firstAnswersMs, source.started, this.#options.clock);
  }

  /** Adds the listeners that have come, with the clusters that their routes name. */
  complete(loaded: Loaded): Loaded {
    const { config, policies } = loaded;
    if (this.#of(loaded) === undefined) return loaded;
    const sent = this.#sent(loaded);
    this.#forgetOthers(sent);
    const own = clusterNames(config);
    const listeners = [...config.listeners];
    const clusters = { ...config.clusters };
    for (const listener of sent) {
      const { name } = listener;
      if (this.#isRefused(listener)) continue;
      const text = JSON.stringify([listener, [...own]]);
      const known = this.#checked.get(name);
      const checked = known?.text === text ? undefined : checkControlled(listener, own, policies);
      if (checked !== undefined && isLeft(checked)) {
        this.#leftOut(name, checked.left.join("; "));
        continue;
      }
      const part = checked?.right ?? (known as Checked).part;
      this.#checked.set(name, { text, part });
      const clash = clashOf(part.listener, { ...config, listeners });
      if (clash !== undefined) {
        this.#leftOut(name, clash);
        continue;
      }
      this.#left.delete(name);
      listeners.push(part.listener);
      for (const [cluster, settings] of Object.entries(part.clusters))
        if (!Object.hasOwn(clusters, cluster)) clusters[cluster] = settings;
    }
    return { ...loaded, config: { ...config, listeners, clusters } };
  }

  /**
   * Leaves out the listener at an address that cannot be opened, until it moves. Returns false if
   * it is not one of the control plane.
   */
  refuses(fault: NotApplied | WorkerDied): boolean {
    if (fault._tag !== "ListenFailed") return false;
    const found = this.#sent(this.#loaded).find(
      (each) => each.address === fault.host && each.port === fault.port,
    );
    if (found === undefined || this.#isRefused(found)) return false;
    this.#refused.set(found.name, found);
    this.#leftOut(found.name, notAppliedText(fault));
    return true;
  }

  /** Ends what a configuration does not use. It is the one that is served. */
  keep(loaded: Loaded): void {
    this.#loaded = loaded;
    const used = this.#of(loaded);
    for (const [key, followed] of this.#followed) {
      if (followed === used) continue;
      this.#followed.delete(key);
      followed.plane.release();
    }
  }

  /** Why the process is not ready; undefined if the control plane has answered once. */
  get notReady(): string | undefined {
    const followed = this.#of(this.#loaded);
    if (followed === undefined || followed.source.isAnswered) this.#isReady ||= this.#loaded !== undefined;
    return this.#isReady ? undefined : "the control plane has not sent its listeners and routes";
  }

  /** For `/stack`. */
  describe(): readonly Description[] {
    const followed = this.#of(this.#loaded);
    if (followed === undefined) return [];
    const { server, source } = followed;
    const left = Object.fromEntries(this.#left);
    return [{ name: "listeners", options: { server }, state: { ...source.state(), leftOut: left } }];
  }

  close(): void {
    for (const { plane } of this.#followed.values()) plane.release();
    this.#followed.clear();
  }

  /** The control plane of a configuration; undefined if it has none for listeners. */
  #of(loaded: Loaded | undefined): Followed | undefined {
    const xds = loaded?.config.control.xds;
    if (loaded === undefined || xds?.listeners !== true) return undefined;
    return this.#followed.get(planeKey({ config: xds, service: "ads" }, loaded.files));
  }

  /** The listeners of the control plane of a configuration. One that is silent takes none away. */
  #sent(loaded: Loaded | undefined): readonly XdsListener[] {
    const followed = this.#of(loaded);
    if (followed === undefined) return [];
    const { source, before } = followed;
    if (source.isAnswered) followed.before = [];
    if (followed.before.length === 0) return source.listeners;
    return [...new Map([...before, ...source.listeners].map((each) => [each.name, each])).values()];
  }

  /** Forgets listeners that do not exist any more, so that names cannot accumulate. */
  #forgetOthers(present: readonly XdsListener[]): void {
    const names = new Set(present.map(({ name }) => name));
    for (const known of [this.#checked, this.#refused, this.#left])
      for (const name of known.keys()) if (!names.has(name)) known.delete(name);
  }

  #isRefused(listener: XdsListener): boolean {
    const refused = this.#refused.get(listener.name);
    if (refused === undefined) return false;
    if (refused.address === listener.address && refused.port === listener.port) return true;
    this.#refused.delete(listener.name);
    return false;
  }

  #problems(of: (loaded: Loaded) => readonly string[]): readonly string[] {
    return this.#loaded === undefined ? [] : of(this.#loaded);
  }

  #leftOut(listener: string, reason: string): void {
    if (this.#left.get(listener) === reason) return;
    this.#left.set(listener, reason);
    this.#options.log.error({ listener, reason }, "listener of the control plane left out");
  }

  #later(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    queueMicrotask(() => {
      this.#isFlushing = false;
      this.#options.changed();
    });
  }
}
