import type { Json } from "@pagoda/core";
import { missing, rejected } from "./answer.ts";
import type { ListenerResource } from "./listener.ts";
import type { ControlPlaneDisconnected } from "./options.ts";
import { listeners, routes } from "./resources.ts";
import type { XdsRoutes } from "./route-configuration.ts";
import { faultText } from "./source.ts";
import { Subscription } from "./subscription.ts";

/** A listener with its routes. */
export interface XdsListener extends ListenerResource {
  readonly routes: XdsRoutes;
  /** Whether its routes have come with it: others change independently of their listeners. */
  readonly hasOwnRoutes: boolean;
}

/** Problems of valid resources for their use here, for which they are rejected. Default: none. */
export interface ListenerChecks {
  /** Its routes may not have come yet: then they are a name. */
  readonly listener?: (listener: ListenerResource) => readonly string[];
  readonly routes?: (routes: XdsRoutes) => readonly string[];
}

/** All listeners of a control plane. */
export interface ListenersSource {
  /**
   * The last valid ones whose routes are known: one that takes other routes stays as it is until they
   * come. Routes that the control plane does not have are empty.
   */
  readonly listeners: readonly XdsListener[];
  /** Whether the control plane has answered for its listeners and their routes. */
  readonly isAnswered: boolean;
  /** What is wrong now; undefined if nothing is. */
  readonly lastError: string | undefined;
  /** Settles when everything has been answered, or the connection fails. */
  readonly started: Promise<void>;
  /** Calls `changed` after each change, until the returned function is called. */
  subscribe(changed: () => void): () => void;
  state(): { readonly [name: string]: Json };
}

/** The listeners and routes that a client follows. */
export class Listeners implements ListenersSource {
  readonly subscriptions: readonly [Subscription<ListenerResource>, Subscription<XdsRoutes>];
  readonly started: Promise<void>;
  readonly #start: () => void;
  readonly #disconnected: () => ControlPlaneDisconnected | undefined;
  readonly #subscribers = new Set<{ readonly changed: () => void }>();
  /** The listeners with their last routes, by name. */
  #whole: ReadonlyMap<string, XdsListener> = new Map();
  #hasListeners = false;
  #isClosed = false;

  constructor(checks: ListenerChecks, disconnected: () => ControlPlaneDisconnected | undefined) {
    this.subscriptions = [
      new Subscription(listeners(checks.listener ?? (() => []))),
      new Subscription(routes(checks.routes ?? (() => []))),
    ];
    this.#disconnected = disconnected;
    ({ promise: this.started, resolve: this.#start } = Promise.withResolvers<void>());
  }

  /** The names of the routes that do not come with their listeners. */
  get routeNames(): ReadonlySet<string> {
    const names = new Set<string>();
    for (const { value } of this.subscriptions[0].known.values())
      if (typeof value.routes === "string") names.add(value.routes);
    return names;
  }

  get listeners(): readonly XdsListener[] {
    return [...this.#whole.values()];
  }

  /** Whether the control plane has answered for its listeners. */
  get hasListeners(): boolean {
    return this.#hasListeners;
  }

  get isAnswered(): boolean {
    const [, routes] = this.subscriptions;
    return this.#hasListeners && [...this.routeNames].every((name) => routes.isAnswered(name));
  }

  get lastError(): string | undefined {
    const faults = [
      ...Array.from(this.subscriptions[0].rejected, ([name, problems]) => rejected("lds", name, problems)),
      ...Array.from(this.subscriptions[1].rejected, ([name, problems]) => rejected("rds", name, problems)),
      ...Array.from(this.subscriptions[1].absent, (name) => missing("rds", name)),
    ];
    const disconnected = this.#disconnected();
    const all = disconnected === undefined ? faults : [...faults, disconnected];
    return all.length === 0 ? undefined : all.map(faultText).join("; ");
  }

  subscribe(changed: () => void): () => void {
    const subscriber = { changed };
    this.#subscribers.add(subscriber);
    return () => this.#subscribers.delete(subscriber);
  }

  state() {
    const [known, routes] = this.subscriptions;
    const versions = (of: Pick<Subscription<unknown>, "known">): { readonly [name: string]: string } =>
      Object.fromEntries(Array.from(of.known, ([name, { version }]) => [name, version]));
    const ignored = new Set(
      this.listeners.flatMap((listener) => [...listener.ignored, ...listener.routes.ignored]),
    );
    return {
      listeners: versions(known),
      routes: versions(routes),
      ...(ignored.size > 0 && { ignored: [...ignored] }),
      lastError: this.lastError ?? null,
    };
  }

  answered(kind: "lds" | "rds"): void {
    if (kind === "lds") this.#hasListeners = true;
    this.#combine();
    if (this.isAnswered) this.#start();
    this.changed();
  }

  #combine(): void {
    const [known] = this.subscriptions;
    const whole = new Map<string, XdsListener>();
    for (const [name, { value }] of known.known) {
      const hasOwnRoutes = typeof value.routes !== "string";
      const routes = typeof value.routes === "string" ? this.#routesOf(value.routes) : value.routes;
      const combined = routes === undefined ? this.#whole.get(name) : { ...value, routes, hasOwnRoutes };
      if (combined !== undefined) whole.set(name, combined);
    }
    this.#whole = whole;
  }

  /** Undefined: they have not come yet. */
  #routesOf(name: string): XdsRoutes | undefined {
    const [, { known, absent }] = this.subscriptions;
    if (absent.has(name)) return { name, ignoresPort: false, virtualHosts: [], ignored: [] };
    return known.get(name)?.value;
  }

  /** Something has changed, if only the connection. */
  changed(): void {
    if (this.#disconnected() !== undefined) this.#start();
    for (const { changed } of this.#subscribers) changed();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#subscribers.clear();
    this.#start();
  }
}
