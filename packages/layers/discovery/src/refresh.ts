import {
  type Either,
  EndpointPublisher,
  type EndpointSource,
  isLeft,
  type Json,
  left,
  type Timer,
} from "@pagoda/core";
import { Lookup } from "./lookup.ts";
import type { Settings } from "./options.ts";
import { type DnsEndpoint, type DnsFailed, dnsFailed, type DnsFault } from "./records.ts";

/** The result of a resolution: at least one endpoint. */
export interface Answer {
  readonly endpoints: readonly DnsEndpoint[];
  readonly ttlMs: number;
  readonly fault: DnsFailed | undefined;
}

export type Resolve = (lookup: Lookup) => Promise<Either<DnsFault, Answer>>;

/** @param asked The query, for `describe()`. */
export function dnsSource(
  asked: { readonly [name: string]: Json },
  settings: Settings,
  resolve: Resolve,
): EndpointSource<DnsEndpoint, DnsFault> {
  const publisher = new EndpointPublisher<DnsEndpoint, DnsFault>(
    settings.clock,
    settings.observer,
    settings.initial,
  );
  const refresher = new Refresher(publisher, settings, resolve, String(asked["host"] ?? asked["name"]));
  return {
    started: publisher.started,
    get endpoints() {
      return publisher.endpoints;
    },
    get lastError() {
      return refresher.lastError;
    },
    subscribe: (changed) => publisher.subscribe(changed),
    state: () => ({ dns: { ...asked, ...refresher.state() } }),
    close: () => refresher.close(),
  };
}

/** Resolves repeatedly, one resolution at a time, and schedules the next. */
class Refresher {
  readonly #publisher: EndpointPublisher<DnsEndpoint, DnsFault>;
  readonly #settings: Settings;
  readonly #lookup: Lookup;
  readonly #resolve: Resolve;
  readonly #name: string;
  #timer: Timer | undefined;
  #dueMs = 0;
  #ttlMs: number | undefined;
  /** Consecutive resolutions that failed, completely or in part. */
  #failures = 0;
  /** Time of the first negative answer since the last positive one. */
  #emptySinceMs: number | undefined;

  constructor(
    publisher: EndpointPublisher<DnsEndpoint, DnsFault>,
    settings: Settings,
    resolve: Resolve,
    name: string,
  ) {
    this.#name = name;
    this.#publisher = publisher;
    this.#settings = settings;
    this.#lookup = new Lookup(settings);
    this.#resolve = resolve;
    void this.#refresh();
  }

  get lastError(): string | undefined {
    const { fault } = this.#publisher;
    return fault === undefined ? undefined : `${fault.code} for ${fault.name}`;
  }

  state(): { readonly [name: string]: Json } {
    return {
      ttlMs: this.#ttlMs ?? null,
      ...this.#publisher.state(),
      nextInMs: this.#timer === undefined ? null : Math.max(0, this.#dueMs - this.#settings.clock.now()),
      failures: this.#failures,
      lastError: this.lastError ?? null,
    };
  }

  close(): void {
    if (this.#publisher.isClosed) return;
    this.#publisher.close();
    this.#lookup.close();
    if (this.#timer !== undefined) this.#settings.clock.clearTimer(this.#timer);
    this.#timer = undefined;
  }

  async #refresh(): Promise<void> {
    this.#timer = undefined;
    const result = await this.#resolve(this.#lookup).catch((cause: unknown) =>
      // An invalid answer of a resolver must not stop the source.
      left(dnsFailed(this.#name, "A", "EBADRESP", cause)),
    );
    if (this.#publisher.isClosed) return;
    if (isLeft(result)) this.#failed(result.left);
    else this.#answered(result.right);
  }

  #answered({ endpoints, ttlMs, fault }: Answer): void {
    const { minTtlMs, maxTtlMs } = this.#settings;
    this.#emptySinceMs = undefined;
    this.#ttlMs = Math.min(Math.max(ttlMs, minTtlMs), maxTtlMs);
    if (fault === undefined) {
      this.#failures = 0;
      this.#again(this.#ttlMs);
    } else {
      this.#again(Math.min(this.#ttlMs, this.#backoffMs()));
    }
    this.#publisher.succeeded(endpoints, fault);
  }

  #failed(fault: DnsFault): void {
    const { minTtlMs, emptyAfterMs, clock } = this.#settings;
    const backoffMs = this.#backoffMs();
    if (fault._tag === "DnsFailed" || this.#publisher.endpoints.length === 0) {
      this.#again(backoffMs);
      this.#publisher.failed(fault);
      return;
    }
    const now = clock.now();
    this.#emptySinceMs ??= now;
    const leftMs = this.#emptySinceMs + emptyAfterMs - now;
    if (leftMs > 0) {
      this.#again(Math.min(backoffMs, Math.max(leftMs, minTtlMs)));
      this.#publisher.failed(fault);
    } else {
      this.#again(backoffMs);
      this.#publisher.failed(fault, []);
    }
  }

  #backoffMs(): number {
    const { failureMs, maxFailureMs, random } = this.#settings;
    const ms = Math.min(failureMs * 2 ** this.#failures++, maxFailureMs);
    return ms / 2 + (random() * ms) / 2;
  }

  /**
   * Schedules the next resolution. Called before listeners, which may throw or close the source.
   */
  #again(ms: number): void {
    const { clock } = this.#settings;
    this.#dueMs = clock.now() + ms;
    this.#timer = clock.setTimer(ms, () => void this.#refresh());
  }
}
