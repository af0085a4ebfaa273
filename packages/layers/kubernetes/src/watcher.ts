import {
  type Either,
  EndpointPublisher,
  firstLines,
  isLeft,
  type Json,
  left,
  pause,
  right,
} from "@pagoda/core";
import { Api, type ApiFault, maxLength } from "./api.ts";
import { parseEvent } from "./events.ts";
import type { KubernetesFault, SlicesInvalid } from "./faults.ts";
import type { Settings } from "./options.ts";
import { Lines } from "./lines.ts";
import { listSlices } from "./list.ts";
import { endpointsIn, type KubernetesEndpoint, type Slice } from "./slices.ts";

/** The state of a watch. */
export interface WatchStatus {
  /** Whether a watch is open, so that changes arrive. */
  readonly isWatching: boolean;
  /** Wall time in milliseconds of the last list or event; undefined before the first. */
  readonly lastEventMs: number | undefined;
  /** How many watches have begun. */
  readonly begun: number;
}

/** A watch that ends sooner, and without an event, has failed. */
const minWatchMs = 1_000;

/** Lists the slices of a service and follows their changes. */
export class Watcher {
  readonly publisher: EndpointPublisher<KubernetesEndpoint, KubernetesFault>;
  readonly #settings: Settings;
  readonly #api: Api;
  readonly #path: string;
  readonly #closing = new AbortController();
  #slices = new Map<string, Slice>();
  /** Where the next watch begins; undefined if the slices must be listed first. */
  #version: string | undefined;
  #isWatching = false;
  /** When the last event or list arrived, on the clock and on the wall. */
  #lastEvent: { readonly atMs: number; readonly wallMs: number } | undefined;
  #begun = 0;
  /** Consecutive failures, until a watch works. */
  #failures = 0;
  #dueMs: number | undefined;
  #invalid: SlicesInvalid | undefined;

  constructor(settings: Settings) {
    const { clock, server, observer, initial, namespace, service } = settings;
    this.#settings = settings;
    this.publisher = new EndpointPublisher(clock, observer, initial);
    this.#api = new Api(server, clock);
    const selector = encodeURIComponent(`kubernetes.io/service-name=${service}`);
    this.#path = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices?labelSelector=${selector}`;
    void this.#run();
  }

  get status(): WatchStatus {
    return { isWatching: this.#isWatching, lastEventMs: this.#lastEvent?.wallMs, begun: this.#begun };
  }

  state(): { readonly [name: string]: Json } {
    const { clock } = this.#settings;
    return {
      slices: this.#slices.size,
      watching: this.#isWatching,
      sinceEventMs: this.#lastEvent === undefined ? null : clock.now() - this.#lastEvent.atMs,
      failures: this.#failures,
      nextInMs: this.#dueMs === undefined ? null : Math.max(0, this.#dueMs - clock.now()),
      zones: Object.fromEntries(
        Array.from(
          Map.groupBy(this.publisher.endpoints, ({ zone }) => zone ?? ""),
          ([zone, { length }]) => [zone, length],
        ),
      ),
    };
  }

  close(): void {
    if (this.publisher.isClosed) return;
    this.publisher.close();
    this.#closing.abort();
    this.#api.close();
  }

  async #run(): Promise<void> {
    while (!this.publisher.isClosed) {
      const result = await (this.#version === undefined ? this.#list() : this.#watch(this.#version));
      if (!this.publisher.isClosed && isLeft(result)) await this.#failed(result.left);
    }
  }

  async #failed(fault: ApiFault): Promise<void> {
    const { clock, random, failureMs, maxFailureMs } = this.#settings;
    const isExpired = fault._tag === "ApiRefused" && fault.status === 410;
    // What has been received cannot be trusted, or not be continued.
    if (isExpired || fault._tag === "ApiInvalid") this.#version = undefined;
    const ms = Math.min(failureMs * 2 ** this.#failures++, maxFailureMs);
    // The API server remembers some minutes: after a longer interruption this is as it should be.
    if (isExpired && this.#failures === 1) return;
    const waitMs = Math.max(ms / 2 + (random() * ms) / 2, fault.retryAfterMs ?? 0);
    this.#dueMs = clock.now() + waitMs;
    this.publisher.failed(fault);
    await pause(clock, waitMs, this.#closing.signal);
    this.#dueMs = undefined;
  }

  async #list(): Promise<Either<ApiFault, void>> {
    const { timeoutMs } = this.#settings;
    const listed = await listSlices(this.#api, this.#path, { headMs: timeoutMs, bodyMs: timeoutMs });
    if (isLeft(listed)) return listed;
    if (this.publisher.isClosed) return right(undefined);
    this.#slices = listed.right.slices;
    this.#version = listed.right.version;
    this.#publish();
    return right(undefined);
  }

  async #watch(version: string): Promise<Either<ApiFault, void>> {
    const { clock, random, watchMs, timeoutMs } = this.#settings;
    // Random, so that the watches of many processes do not end at the same time.
    const seconds = Math.max(1, Math.round((watchMs * (1 + random())) / 2_000));
    const query = `&watch=1&allowWatchBookmarks=true&timeoutSeconds=${seconds}&resourceVersion=${encodeURIComponent(version)}`;
    // The API server ends the watch; if it does not, the connection has died.
    const limits = { headMs: timeoutMs, bodyMs: seconds * 1_000 + timeoutMs };
    const result = await this.#api.get(this.#path + query, limits, async (body) => {
      const sinceMs = clock.now();
      this.#watching(true);
      const read = await this.#read(body);
      if (isLeft(read)) return read;
      if (read.right === 0 && clock.now() - sinceMs < minWatchMs)
        return left(this.#api.invalid(`a watch must last at least ${minWatchMs} ms, or have an event`));
      this.#failures = 0;
      return right(undefined);
    });
    this.#watching(false);
    return result;
  }

  /** @returns How many events there were. */
  async #read(body: AsyncIterable<Uint8Array>): Promise<Either<ApiFault, number>> {
    const lines = new Lines(maxLength);
    let events = 0;
    for await (const bytes of body) {
      const complete = lines.add(bytes);
      if (complete === undefined) return left(this.#api.invalid("an event must be shorter"));
      const fault = this.#apply(complete);
      if (fault !== undefined) return left(fault);
      events += complete.length;
    }
    return right(events);
  }

  /** Applies events that arrived together. */
  #apply(lines: readonly string[]): ApiFault | undefined {
    let isChanged = false;
    let fault: ApiFault | undefined;
    for (const line of lines) {
      const event = parseEvent(line);
      if (typeof event === "string") fault = this.#api.invalid(event);
      else if (event.type === "error") fault = this.#api.refused(event.status, event.message);
      if (typeof event === "string" || event.type === "error") break;
      this.#version = event.version;
      this.#failures = 0;
      this.#heard();
      if (event.type === "bookmark") continue;
      if (event.type === "changed") this.#slices.set(event.slice.name, event.slice);
      else this.#slices.delete(event.name);
      isChanged = true;
    }
    if (isChanged) this.#publish();
    return fault;
  }

  #publish(): void {
    const { endpoints, problems } = endpointsIn(this.#slices.values(), this.#settings);
    this.#heard();
    this.publisher.succeeded(endpoints, this.#faultOf(firstLines(problems)));
  }

  #heard(): void {
    const { clock } = this.#settings;
    this.#lastEvent = { atMs: clock.now(), wallMs: clock.wallTime() };
  }

  /** A persistent problem is one fault, so that it is reported once. */
  #faultOf(problems: readonly string[]): SlicesInvalid | undefined {
    if (problems.length === 0) this.#invalid = undefined;
    else if (problems.join() !== this.#invalid?.problems.join())
      this.#invalid = { _tag: "SlicesInvalid", origin: "local", retryable: true, problems, partial: true };
    return this.#invalid;
  }

  #watching(isWatching: boolean): void {
    if (this.publisher.isClosed || isWatching === this.#isWatching) return;
    this.#isWatching = isWatching;
    if (isWatching) {
      this.#begun++;
      // A failure is over.
      if (this.publisher.fault !== this.#invalid) this.#publish();
    }
    this.#settings.observer?.watching?.(isWatching);
  }
}
