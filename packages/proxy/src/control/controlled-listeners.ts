import { type Clock, type Description, type Either, isLeft, left, right } from "@pagoda/core";
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
import type { ListenerConfig } from "../config/schema/config.ts";
import type { Awaiting } from "../config/secrets.ts";
import { type ControlPlane, type ControlPlanes, planeKey, firstAnswersMs } from "./control-planes.ts";
import { type NotApplied, notAppliedText, type WorkerDied } from "./protocol.ts";
import { within } from "../within.ts";

export interface ControlledListenersOptions {
  readonly log: Logger;
  readonly clock: Clock;
  readonly planes: ControlPlanes;
  /** Whether a secret of a listener has not come. */
  readonly lacksSecrets: (listener: ListenerConfig) => boolean;
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

/** A configuration with the listeners of a control plane. */
export interface Completed extends Loaded, Awaiting {
  /** Those of the control plane, by name, in the version that is part of it. Default: none. */
  readonly controlled?: ReadonlyMap<string, XdsListener>;
}

/** A version of a listener, and whether it can be served as it is. */
interface Version {
  readonly listener: XdsListener;
  /** `Left`: why not. */
  readonly part: Either<string, Controlled>;
  /** Whether its secrets have come, too. */
  readonly isReady: boolean;
}

interface Refused {
  readonly listener: XdsListener;
  readonly reason: string;
}

/** Serves the listeners of a control plane beside those of the file. */
export class ControlledListeners {
  readonly #options: ControlledListenersOptions;
  /** By all that makes another connection necessary. Two while a configuration is being applied. */
  readonly #followed = new Map<string, Followed>();
  /** The configuration of the file that was begun with or kept last, against which resources are checked. */
  #loaded: Loaded | undefined;
  /** Those checked last, by themselves and the settings of the file that matter to them. */
  #checked: ReadonlyMap<string, Controlled> = new Map();
  /** Listeners whose address cannot be opened. */
  readonly #refused = new Map<string, Refused>();
  /** What is logged once. */
  readonly #left = new Map<string, string>();
  /** Clusters for which there is one of the file with the same name. */
  #hidden: ReadonlySet<string> = new Set();
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

  /**
   * Adds the listeners that have come, with the clusters that their routes name. As in Envoy, one
   * that cannot be served, or not before its secrets have come, stays as it is.
   *
   * @param served What is served now. Default: nothing.
   */
  complete(loaded: Loaded, served?: Completed): Completed {
    const { config, policies } = loaded;
    if (this.#of(loaded) === undefined) return loaded;
    const sent = this.#sent(loaded);
    this.#forgetOthers(sent);
    const own = clusterNames(config);
    const listeners = [...config.listeners];
    const clusters = { ...config.clusters };
    const checked = new Map<string, Controlled>();
    const check = (listener: XdsListener): Either<string, Controlled> => {
      const refusal = this.#refusal(listener);
      if (refusal !== undefined) return left(refusal);
      const text = JSON.stringify([listener, [...own]]);
      const known = this.#checked.get(text);
      const result = known === undefined ? checkControlled(listener, own, policies) : right(known);
      if (isLeft(result)) return left(result.left.join("; "));
      checked.set(text, result.right);
      const clash = clashOf(result.right.listener, { ...config, listeners });
      return clash === undefined ? result : left(clash);
    };
    const version = (listener: XdsListener): Version => {
      const part = check(listener);
      const isReady = !isLeft(part) && !this.#options.lacksSecrets(part.right.listener);
      return { listener, part, isReady };
    };
    const controlled = new Map<string, XdsListener>();
    const awaited: ListenerConfig[] = [];
    const hidden = new Set<string>();
    for (const listener of sent) {
      const next = version(listener);
      const former = next.isReady ? undefined : this.#former(listener, served);
      const last = former && version(former);
      const keeps = last?.isReady === true;
      if (isLeft(next.part)) this.#leftOut(listener.name, next.part.left, keeps);
      else this.#left.delete(listener.name);
      if (keeps && !isLeft(next.part)) awaited.push(next.part.right.listener);
      const { part, listener: chosen } = keeps ? last : next;
      if (isLeft(part)) continue;
      controlled.set(chosen.name, chosen);
      listeners.push(part.right.listener);
      for (const [cluster, settings] of Object.entries(part.right.clusters)) {
        const known = Object.hasOwn(clusters, cluster) ? clusters[cluster] : undefined;
        clusters[cluster] = known ?? settings;
        if (known !== undefined && known.xds !== settings.xds) hidden.add(cluster);
      }
    }
    this.#warnOf(hidden);
    this.#checked = checked;
    return { ...loaded, config: { ...config, listeners, clusters }, controlled, awaited };
  }

  /**
   * Does not apply the listener at an address that cannot be opened, until it moves. Returns false if
   * it is not one of the control plane.
   */
  refuses(fault: NotApplied | WorkerDied): boolean {
    if (fault._tag !== "ListenFailed") return false;
    const found = this.#sent(this.#loaded).find(
      (each) => each.address === fault.host && each.port === fault.port,
    );
    if (found === undefined || this.#refusal(found) !== undefined) return false;
    this.#refused.set(found.name, { listener: found, reason: notAppliedText(fault) });
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
    for (const known of [this.#refused, this.#left])
      for (const name of known.keys()) if (!names.has(name)) known.delete(name);
  }

  /** Why the address of a listener cannot be opened. */
  #refusal({ name, address, port }: XdsListener): string | undefined {
    const { listener, reason } = this.#refused.get(name) ?? {};
    return listener?.address === address && listener.port === port ? reason : undefined;
  }

  /** The version of a listener that is served, with its newest routes. */
  #former({ name, routes }: XdsListener, served: Completed | undefined): XdsListener | undefined {
    const former = served?.controlled?.get(name);
    if (former === undefined || former.hasOwnRoutes || former.routes.name !== routes.name) return former;
    return { ...former, routes };
  }

  #problems(of: (loaded: Loaded) => readonly string[]): readonly string[] {
    return this.#loaded === undefined ? [] : of(this.#loaded);
  }

  #leftOut(listener: string, reason: string, keeps: boolean): void {
    if (this.#left.get(listener) === reason) return;
    this.#left.set(listener, reason);
    const text = keeps
      ? "listener of the control plane not applied; keeping its previous version"
      : "listener of the control plane left out";
    this.#options.log.error({ listener, reason }, text);
  }

  /** Once each: an author of a file may not know the names of the control plane. */
  #warnOf(hidden: ReadonlySet<string>): void {
    for (const cluster of hidden)
      if (!this.#hidden.has(cluster))
        this.#options.log.warn(
          { cluster },
          "cluster of the control plane not used; the file has one with its name",
        );
    this.#hidden = hidden;
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
