import { rangeError } from "@pagoda/core";
import { answerTo, missing, type Resources } from "./answer.ts";
import type { ClusterResource } from "./cluster.ts";
import { Expectations } from "./expectations.ts";
import {
  checked,
  type ControlPlaneDisconnected,
  type ResourceKind,
  type Settings,
  type XdsOptions,
} from "./options.ts";
import { type ListenerChecks, Listeners, type ListenersSource } from "./listeners.ts";
import { assignments, clusters } from "./resources.ts";
import { type SecretCheck, type SecretSource, SecretSources } from "./secret-source.ts";
import type { Session } from "./session.ts";
import { ClusterSource, type XdsSource } from "./source.ts";
import { Stream } from "./stream.ts";
import { type Response, Subscription } from "./subscription.ts";

/** A client of a control plane that speaks xDS v3. */
export interface XdsClient {
  /**
   * Returns the endpoints of a cluster, from now on. Sources of the same cluster share its
   * resources.
   */
  endpoints(cluster: string, options?: XdsEndpointsOptions): XdsSource;
  /**
   * Returns a secret, from now on. Whatever the control plane sends later, the last valid one is
   * kept: as in Envoy, a secret that is removed stays, too.
   *
   * @param check Problems of a secret for its use here, for which it is rejected. Default: none.
   */
  secret(name: string, check?: SecretCheck): SecretSource;
  /**
   * Returns all listeners that the control plane has for this client, with their routes, from now
   * on. One source at a time.
   */
  listeners(checks?: ListenerChecks): ListenersSource;
  /** The clusters about which the control plane has said nothing yet. */
  readonly unanswered: readonly string[];
  readonly isConnected: boolean;
  /** The last accepted version of each kind of resource; empty before the first. */
  readonly versions: Readonly<Record<ResourceKind, string>>;
  /** Ends the connection and all sources, which keep their endpoints. */
  close(): void;
}

export interface XdsEndpointsOptions {
  /**
   * Whether the endpoints are called over TLS: their keys begin with `https://`. A cluster that
   * requires TLS is rejected without it. Default false.
   */
  readonly tls?: boolean;
}

/**
 * Connects to a control plane that speaks xDS v3, such as Istio's or one made with
 * go-control-plane, and follows the clusters, endpoints and secrets that are asked for, on one
 * stream. It connects when the first of them is asked for.
 *
 * Whatever becomes of the control plane, the last valid state of each cluster is kept. If the
 * connection ends, it reconnects after 0.5 to 1 s, doubling up to 15 to 30 s, and says what it has.
 *
 * A resource that is invalid, or requires what is not supported, is rejected with the reason. The
 * other resources of the same response are used.
 *
 * Errors: {@link XdsFault}, in `started` and `lastError` of a source and to the observer.
 *
 * Cost: nothing per call.
 *
 * Source: the xDS protocol of Envoy; gRPC's A27 (clusters and endpoints), A46 (partly invalid
 * responses).
 *
 * @throws RangeError when an option is invalid.
 */
export function xdsClient(options: XdsOptions): XdsClient {
  return new Client(checked(options));
}

type AnySubscription =
  | Resources[keyof Resources]
  | SecretSources["subscription"]
  | Listeners["subscriptions"][number];

class Client implements XdsClient {
  readonly #settings: Settings;
  readonly #stream: Stream;
  readonly #sources = new Map<string, Set<ClusterSource>>();
  readonly #resources: Resources;
  readonly #secrets = new SecretSources();
  #listeners: Listeners | undefined;
  readonly #expected: Expectations;
  #disconnected: ControlPlaneDisconnected | undefined;
  #isFlushing = false;
  #isClosed = false;

  constructor(settings: Settings) {
    const { clock, observer } = settings;
    this.#settings = settings;
    this.#resources = {
      clusters: new Subscription(clusters, (name, cluster) => this.#demands(name, cluster)),
      assignments: new Subscription(assignments),
    };
    this.#expected = new Expectations(clock);
    this.#stream = new Stream(settings, {
      opened: (session) => {
        for (const subscription of this.#subscriptions) {
          session.begin(subscription);
          this.#expect(subscription, subscription.names);
        }
        if (this.#listeners !== undefined) this.#expectListeners(this.#listeners);
        this.#disconnected = undefined;
        observer?.connected?.();
      },
      received: (session, response) => this.#receive(session, response),
      ended: (fault, retryInMs) => {
        this.#expected.clear();
        this.#disconnected = fault;
        observer?.disconnected?.(fault, retryInMs);
        for (const sources of this.#sources.values())
          for (const source of sources) source.disconnected(fault);
        this.#secrets.disconnected(fault);
        this.#listeners?.changed();
      },
    });
  }

  endpoints(cluster: string, { tls = false }: XdsEndpointsOptions = {}): XdsSource {
    const { service } = this.#settings;
    if (service !== "ads") throw rangeError("xdsClient: service", "ads for endpoints", service);
    const source = new ClusterSource(cluster, tls, {
      clock: this.#settings.clock,
      disconnected: () => this.#disconnected,
      onClose: (one) => this.#leave(one),
    });
    const same = this.#sources.get(cluster);
    if (same === undefined) this.#sources.set(cluster, new Set([source]));
    else same.add(source);
    if (this.#isClosed) source.close();
    else if (same === undefined) this.#flush();
    else this.#publish(cluster);
    return source;
  }

  secret(name: string, check: SecretCheck = () => []): SecretSource {
    const disconnected = (): ControlPlaneDisconnected | undefined => this.#disconnected;
    const source = this.#secrets.add(name, check, disconnected, () => this.#flush());
    if (this.#isClosed) source.close();
    else this.#flush();
    return source;
  }

  listeners(checks: ListenerChecks = {}): ListenersSource {
    const { service } = this.#settings;
    if (service !== "ads") throw rangeError("xdsClient: service", "ads for listeners", service);
    if (this.#listeners !== undefined) throw new RangeError("xdsClient: listeners are followed already");
    const source = new Listeners(checks, () => this.#disconnected);
    this.#listeners = source;
    if (this.#isClosed) source.close();
    else this.#flush();
    return source;
  }

  get isConnected(): boolean {
    return this.#stream.session !== undefined;
  }

  get unanswered(): readonly string[] {
    return [...this.#sources].flatMap(([name, sources]) =>
      [...sources].some(({ isAnswered }) => !isAnswered) ? [name] : [],
    );
  }

  get versions(): Readonly<Record<ResourceKind, string>> {
    return Object.fromEntries(
      this.#subscriptions.map(({ type, version }) => [type.kind, version]),
    ) as Readonly<Record<ResourceKind, string>>;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#expected.clear();
    this.#stream.close();
    for (const sources of Array.from(this.#sources.values()))
      for (const source of Array.from(sources)) source.close();
    this.#secrets.close();
    this.#listeners?.close();
  }

  get #subscriptions(): readonly AnySubscription[] {
    return [
      this.#resources.clusters,
      this.#resources.assignments,
      this.#secrets.subscription,
      ...(this.#listeners?.subscriptions ?? []),
    ];
  }

  #leave(source: ClusterSource): void {
    const sources = this.#sources.get(source.cluster);
    sources?.delete(source);
    if (sources?.size === 0) this.#sources.delete(source.cluster);
    this.#flush();
  }

  /** Asks for what is needed now, once for all changes of this tick. */
  #flush(): void {
    if (this.#isFlushing || this.#isClosed) return;
    this.#isFlushing = true;
    queueMicrotask(() => {
      this.#isFlushing = false;
      if (this.#isClosed) return;
      this.#ask(this.#resources.clusters, new Set(this.#sources.keys()));
      this.#ask(this.#resources.assignments, this.#assignmentNames());
      this.#ask(this.#secrets.subscription, this.#secrets.names);
      if (this.#listeners !== undefined) this.#askListeners(this.#listeners);
      if (this.#subscriptions.some(({ asked }) => asked !== undefined)) this.#stream.start();
    });
  }

  #ask(subscription: AnySubscription, names: ReadonlySet<string>): void {
    const { added, removed } = subscription.want(names);
    for (const name of removed) this.#expected.end(`${subscription.type.kind} ${name}`);
    if (added.length === 0 && removed.length === 0) return;
    this.#stream.session?.change(subscription, added, removed);
    this.#expect(subscription, added);
  }

  #askListeners(source: Listeners): void {
    const [listeners] = source.subscriptions;
    if (listeners.isWanted) return;
    listeners.isWanted = true;
    this.#stream.session?.begin(listeners);
    this.#expectListeners(source);
  }

  /** A control plane without listeners need not say so. */
  #expectListeners(source: Listeners): void {
    if (this.#stream.session === undefined || source.hasListeners) return;
    this.#expected.expect("lds", () => source.answered("lds"));
  }

  #assignmentNames(): Set<string> {
    const names = new Set<string>();
    for (const { value } of this.#resources.clusters.known.values())
      if (typeof value.endpoints === "string") names.add(value.endpoints);
    return names;
  }

  #receive(session: Session, response: Response): void {
    const subscription = this.#subscriptions.find(({ type }) => type.url === response.url);
    // Nobody asked for it.
    if (subscription === undefined) return;
    const { observer } = this.#settings;
    const { kind } = subscription.type;
    const { changed, problems, used } = subscription.apply(response);
    session.answer(subscription, response, problems);
    const update = { kind, version: response.version, used };
    if (problems.length === 0) observer?.accepted?.(update);
    else observer?.rejected?.(update, problems);
    for (const name of changed) {
      this.#expected.end(`${kind} ${name}`);
      if (subscription.absent.has(name)) observer?.missing?.(missing(kind, name));
    }
    this.#changed(kind, changed);
  }

  #changed(kind: ResourceKind, names: ReadonlySet<string>): void {
    if (kind === "sds") return this.#secrets.answered(names);
    if (kind === "lds" || kind === "rds") return this.#listenersChanged(kind);
    if (kind === "cds") {
      this.#ask(this.#resources.assignments, this.#assignmentNames());
      for (const name of names) this.#publish(name);
      return;
    }
    for (const [name, { value }] of this.#resources.clusters.known)
      if (typeof value.endpoints === "string" && names.has(value.endpoints)) this.#publish(name);
  }

  #listenersChanged(kind: "lds" | "rds"): void {
    if (this.#listeners === undefined) return;
    const [, routes] = this.#listeners.subscriptions;
    if (kind === "lds") {
      this.#expected.end("lds");
      this.#ask(routes, this.#listeners.routeNames);
    }
    this.#listeners.answered(kind);
  }

  #publish(name: string): void {
    for (const source of Array.from(this.#sources.get(name) ?? [])) {
      const answer = answerTo(name, source.tls, this.#resources);
      if (answer !== undefined) source.answered(answer);
    }
  }

  /** A cluster that requires TLS must not be called without. */
  #demands(name: string, { tls }: ClusterResource): readonly string[] {
    const isPlain = [...(this.#sources.get(name) ?? [])].some((source) => !source.tls);
    return tls && isPlain ? ["transport_socket requires TLS, which is not configured for this cluster"] : [];
  }

  /** Resources that were asked for and do not come do not exist. */
  #expect(subscription: AnySubscription, names: Iterable<string>): void {
    if (this.#stream.session === undefined) return;
    const { kind } = subscription.type;
    for (const name of names) {
      if (subscription.isAnswered(name)) continue;
      this.#expected.expect(`${kind} ${name}`, () => {
        if (!subscription.miss(name)) return;
        this.#settings.observer?.missing?.(missing(kind, name));
        this.#changed(kind, new Set([name]));
      });
    }
  }
}
