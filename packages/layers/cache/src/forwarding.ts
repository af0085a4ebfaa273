import {
  type Aborted,
  defaultMaxWaitMs,
  discardResponse,
  type Either,
  isLeft,
  oneshot,
  right,
  type Service,
  SharedCall,
} from "@pagoda/core";
import { type Body, bodyOf, HttpHeaders, type HttpRequest, type HttpResponse } from "@pagoda/http";
import { directivesOf } from "./cache-control.ts";
import { hasValidator, isAbout, validating, withoutConditions } from "./conditional.ts";
import { lifetimeMs } from "./freshness.ts";
import { type Kept, storedHead, updated } from "./kept.ts";
import type { Settings } from "./options.ts";
import { joined, Recording } from "./recording.ts";
import { type Demands, mayReplaceError } from "./reuse.ts";
import type { Shelf } from "./shelf.ts";
import { allowsHeuristic, isStorable, isUseful } from "./storable.ts";
import type { StoredResponse } from "./stored-response.ts";
import type { Uncacheable } from "./uncacheable.ts";
import { namesIn, selecting } from "./vary.ts";

/** What calls of one service share. */
export interface Context<Res extends HttpResponse, Err> {
  readonly inner: Service<HttpRequest, Res, Err>;
  readonly settings: Settings;
  readonly shelf: Shelf;
  readonly read: (stored: StoredResponse) => Kept;
  readonly uncacheable: Uncacheable;
  /** Forwarded requests that others may join, by key. */
  readonly inFlight: Map<string, Forwarding<Res, Err>>;
}

/** How a forwarded request was answered. */
export type Outcome<Res extends HttpResponse> =
  /** A response for the first caller alone: others must make their own calls. */
  | { readonly kind: "own"; readonly response: Res }
  /** A response that is being stored. Each caller takes a body. */
  | { readonly kind: "stored"; readonly response: Res; readonly kept: Kept; readonly body: () => Body }
  /** The stored response was confirmed. */
  | { readonly kind: "validated"; readonly kept: Kept }
  /** The origin failed, with a status or an error, and a stored response is used instead. */
  | { readonly kind: "stale"; readonly kept: Kept; readonly status: number | undefined };

/** A request on its way to the origin, which other requests for the same key may join. */
export class Forwarding<Res extends HttpResponse, Err> {
  readonly #context: Context<Res, Err>;
  readonly #key: string;
  readonly #request: HttpRequest;
  readonly #demands: Demands;
  readonly #kept: Kept | undefined;
  readonly #call: SharedCall<Outcome<Res>, Err>;
  #leader: AbortSignal | undefined;
  #recording: Recording | undefined;
  /** While its body is being recorded. */
  #outcome: Outcome<Res> | undefined;
  /** Bodies for callers that have not taken theirs: reserved before any of them reads. */
  readonly #reserved: Body[] = [];
  #mayStore: boolean;

  /**
   * @param kept A stored response to validate.
   * @param mayStore Whether the request allows to store the response.
   */
  constructor(
    context: Context<Res, Err>,
    key: string,
    request: HttpRequest,
    demands: Demands,
    kept: Kept | undefined,
    mayStore: boolean,
  ) {
    this.#context = context;
    this.#key = key;
    this.#request = request;
    this.#demands = demands;
    this.#kept = kept;
    this.#mayStore = mayStore;
    this.#call = new SharedCall<Outcome<Res>, Err>(() => this.#settled(), discard);
  }

  /** Adds a caller: while it is in `inFlight`, or before it starts. */
  join(signal: AbortSignal | undefined): Promise<Either<Err | Aborted, Outcome<Res>>> {
    if (this.#recording === undefined || this.#outcome === undefined) return this.#call.join(signal);
    this.#reserved.push(this.#recording.join());
    return Promise.resolve(right(this.#outcome));
  }

  /**
   * Calls the origin, after the first caller has joined.
   *
   * @param leader The signal of that caller, who gets a response that is not stored.
   * @param isLater The readiness of inner has not been checked in this tick.
   */
  start(leader: AbortSignal | undefined, isLater: boolean): void {
    const { inner } = this.#context;
    const validates = this.#kept !== undefined && hasValidator(this.#kept);
    const sent = validates ? validating(this.#request, this.#kept as Kept) : this.#request;
    this.#leader = leader;
    this.#call.start((signal) => {
      const requestedAt = this.#now();
      const result = isLater ? this.#oneshot(sent, signal) : inner.call(sent, signal);
      return result.then((settled) => this.#answered(settled, validates, requestedAt, signal));
    });
  }

  /** The response is no longer valid: it is not stored, and nobody joins. */
  invalidate(): void {
    this.#mayStore = false;
    this.close();
  }

  close(): void {
    const { inFlight } = this.#context;
    if (inFlight.get(this.#key) === this) inFlight.delete(this.#key);
  }

  #answered(
    result: Either<Err, Res>,
    validates: boolean,
    requestedAt: number,
    signal: AbortSignal,
  ): Either<Err, Outcome<Res>> | Promise<Either<Err, Outcome<Res>>> {
    const kept = this.#kept;
    if (isLeft(result)) {
      if (kept === undefined || !this.#mayReplaceError(kept)) return result;
      return right({ kind: "stale", kept, status: undefined });
    }
    const response = result.right;
    const { status, headers } = response;
    if (kept !== undefined && isError(status) && this.#mayReplaceError(kept)) {
      discardResponse(response);
      return right({ kind: "stale", kept, status });
    }
    if (status !== 304 || !validates || kept === undefined)
      return right(this.#received(response, requestedAt));
    discardResponse(response);
    // The origin may have confirmed a response that is not the stored one.
    return isAbout(headers, kept) ? right(this.#validated(kept, response, requestedAt)) : this.#again(signal);
  }

  #validated(kept: Kept, response: Res, requestedAt: number): Outcome<Res> {
    const { shelf, read, settings } = this.#context;
    const stored = updated(kept.stored, response, this.#request, requestedAt, this.#now());
    const { headers, directives } = read(stored);
    const { status, statusText } = stored;
    // The 304 may have made it private, or set a cookie.
    if (isStorable(this.#request, { status, headers }, directives, settings.shared)) {
      if (this.#mayStore) void shelf.put(this.#key, this.#request, stored);
      return { kind: "validated", kept: read(stored) };
    }
    void shelf.drop(this.#key, this.#request);
    return { kind: "own", response: { ...response, status, statusText, headers, body: bodyOf(stored.body) } };
  }

  async #again(signal: AbortSignal): Promise<Either<Err, Outcome<Res>>> {
    const requestedAt = this.#now();
    const result = await this.#oneshot(withoutConditions(this.#request), signal);
    return isLeft(result) ? result : right(this.#received(result.right, requestedAt));
  }

  #oneshot(request: HttpRequest, signal: AbortSignal): Promise<Either<Err, Res>> {
    const { inner, settings } = this.#context;
    const wait = { maxWaitMs: defaultMaxWaitMs, clock: settings.clock };
    // It adds `Aborted`, but only after all callers have left.
    return oneshot(inner, request, signal, wait) as Promise<Either<Err, Res>>;
  }

  /** The call is over, or all callers have left. */
  #settled(): void {
    const recording = this.#recording;
    if (recording === undefined) return this.close();
    for (let count = this.#call.callers; count > 0; count--) this.#reserved.push(recording.join());
  }

  /** Begins to store a response if that is allowed. */
  #received(response: Res, requestedAt: number): Outcome<Res> {
    const { settings, shelf, read } = this.#context;
    const request = this.#request;
    const head = this.#headToStore(response, requestedAt);
    if (head === undefined) {
      // What it would have replaced is outdated.
      if (this.#kept !== undefined && response.status < 500) void shelf.drop(this.#key, request);
      if (this.#leader?.aborted) discardResponse(response);
      return { kind: "own", response };
    }
    const whole = response.body.take();
    if (whole !== undefined) {
      if (whole.length > settings.maxEntryBytes)
        return { kind: "own", response: { ...response, body: bodyOf(whole) } };
      const stored = { ...head, body: joined([whole], whole.length) };
      void this.#store(stored);
      return { kind: "stored", response, kept: read(stored), body: () => bodyOf(stored.body) };
    }
    this.#recording = new Recording(response.body, settings.maxEntryBytes, {
      recorded: (bytes) => void this.#recorded({ ...head, body: bytes }),
      missed: (isTooLong) => {
        this.close();
        if (isTooLong) this.#context.uncacheable.add(this.#key);
      },
    });
    const recording = this.#recording;
    // Without a reserved body all callers have left, and it will be discarded.
    const take = (): Body => this.#reserved.shift() ?? recording.join();
    this.#outcome = { kind: "stored", response, kept: read(head), body: take };
    return this.#outcome;
  }

  #store(stored: StoredResponse): void | Promise<void> {
    const announced = new HttpHeaders(stored.headers).get("content-length");
    // A source other than a transport may end early without a fault.
    const isComplete = announced === undefined || announced === String(stored.body.length);
    if (this.#mayStore && isComplete) return this.#context.shelf.put(this.#key, this.#request, stored);
    return undefined;
  }

  async #recorded(stored: StoredResponse): Promise<void> {
    // Until it is in the store, requests can join.
    const storing = this.#store(stored);
    if (storing !== undefined) await storing;
    this.close();
  }

  #headToStore(response: Res, requestedAt: number): StoredResponse | undefined {
    const { settings } = this.#context;
    const { headers, body } = response;
    if (!this.#mayStore || (body.length ?? 0) > settings.maxEntryBytes) return undefined;
    const directives = directivesOf(headers);
    if (!isStorable(this.#request, response, directives, settings.shared)) return undefined;
    const receivedAt = this.#now();
    const isHeuristic = allowsHeuristic(response.status, directives);
    const lifetime = lifetimeMs(headers, directives, receivedAt, isHeuristic, settings);
    if (!isUseful(headers, directives, lifetime)) return undefined;
    const selectedBy = selecting(namesIn(headers) ?? [], this.#request);
    return storedHead(response, selectedBy, requestedAt, receivedAt);
  }

  #mayReplaceError(kept: Kept): boolean {
    return mayReplaceError(kept, this.#demands, this.#now(), this.#context.settings.shared);
  }

  #now(): number {
    return this.#context.settings.clock.wallTime();
  }
}

/** Statuses that RFC 5861 counts as errors. */
function isError(status: number): boolean {
  return status === 500 || (status >= 502 && status <= 504);
}

/** Frees what nobody wants. */
function discard<Res extends HttpResponse>(outcome: Outcome<Res>): void {
  if (outcome.kind === "own") discardResponse(outcome.response);
  else discardUnused(outcome);
}

/** Frees the part of one caller that does not use the outcome. */
export function discardUnused<Res extends HttpResponse>(outcome: Outcome<Res>): void {
  if (outcome.kind === "stored") outcome.body().cancel();
}
