import {
  type Aborted,
  aborted,
  defaultMaxWaitMs,
  type Either,
  isLeft,
  left,
  oneshot,
  right,
  type Service,
} from "@pagoda/core";
import { type HttpRequest, type HttpResponse, httpResponse } from "@pagoda/http";
import { answerFrom } from "./answer.ts";
import { keyAt, keyOf } from "./cache-key.ts";
import type { Forwarded, Status, StatusText } from "./cache-status.ts";
import { hasValidator, isAbout, isConditional } from "./conditional.ts";
import { type Context, discardUnused, Forwarding, type Outcome } from "./forwarding.ts";
import { type Kept, keptReader, updated } from "./kept.ts";
import type { Settings } from "./options.ts";
import { type Demands, demandsOf, mayReplaceError, reuseOf } from "./reuse.ts";
import { revalidate } from "./revalidate.ts";
import { isStorable } from "./storable.ts";
import { Shelf } from "./shelf.ts";
import type { StoredResponse } from "./stored-response.ts";
import { Uncacheable } from "./uncacheable.ts";
import { isSelected } from "./vary.ts";

/** A request, and what is known about it. */
interface Asked {
  readonly request: HttpRequest;
  readonly signal: AbortSignal | undefined;
  readonly key: string;
  readonly demands: Demands;
  readonly kept: Kept | undefined;
  readonly fwd: Forwarded;
}

/** The cache around one service. */
export class CachedService<Res extends HttpResponse, Err> {
  readonly #inner: Service<HttpRequest, Res, Err>;
  readonly #settings: Settings;
  readonly #statusText: StatusText;
  readonly #context: Context<Res, Err>;
  readonly #counts = { hits: 0, stale: 0, validated: 0, misses: 0, collapsed: 0 };

  constructor(inner: Service<HttpRequest, Res, Err>, settings: Settings, statusText: StatusText) {
    this.#inner = inner;
    this.#settings = settings;
    this.#statusText = statusText;
    this.#context = {
      inner,
      settings,
      shelf: new Shelf(settings.store, (error) => settings.observer.storeFailed?.(error)),
      read: keptReader(settings),
      uncacheable: new Uncacheable(settings.clock),
      inFlight: new Map(),
    };
  }

  get counts(): Readonly<Record<"hits" | "stale" | "validated" | "misses" | "collapsed", number>> {
    return this.#counts;
  }

  /** Forwards a request without looking into the store, and without storing its response. */
  pass(request: HttpRequest, signal: AbortSignal | undefined, fwd: Forwarded): Promise<Either<Err, Res>> {
    return this.#inner.call(request, signal).then((result) => this.#passed(result, { fwd }));
  }

  /** Forwards a request that may change what is stored (RFC 9111, 4.4). */
  change(request: HttpRequest, signal: AbortSignal | undefined): Promise<Either<Err, Res>> {
    return this.#inner.call(request, signal).then((result) => {
      const passed = this.#passed(result, { fwd: "method" });
      if (isLeft(result) || result.right.status < 200 || result.right.status > 399) return passed;
      const { headers } = result.right;
      const keys = new Set([
        keyOf(request),
        keyAt(headers.get("location"), request),
        keyAt(headers.get("content-location"), request),
      ]);
      const deletions: Promise<void>[] = [];
      for (const key of keys) {
        const deletion = key === undefined ? undefined : this.#invalidate(key);
        if (deletion !== undefined) deletions.push(deletion);
      }
      return deletions.length === 0 ? passed : Promise.all(deletions).then(() => passed);
    });
  }

  /** Answers a GET or HEAD request from the store if possible. */
  read(
    request: HttpRequest,
    signal: AbortSignal | undefined,
  ): Promise<Either<Err | Aborted, Res | HttpResponse>> {
    const key = keyOf(request);
    const variants = this.#context.shelf.get(key);
    return variants instanceof Promise
      ? variants.then((found) => this.#look(request, signal, key, found, true))
      : this.#look(request, signal, key, variants, false);
  }

  #look(
    request: HttpRequest,
    signal: AbortSignal | undefined,
    key: string,
    variants: readonly StoredResponse[],
    isLater: boolean,
  ): Promise<Either<Err | Aborted, Res | HttpResponse>> {
    if (signal?.aborted) return Promise.resolve(left(aborted(signal)));
    const demands = demandsOf(request);
    const stored = variants.find(({ selectedBy }) => isSelected(selectedBy, request));
    const kept = stored === undefined ? undefined : this.#context.read(stored);
    const fwd = forwardedFor(demands, kept, variants.length > 0);
    const asked: Asked = { request, signal, key, demands, kept, fwd };
    if (kept !== undefined) {
      const reuse = reuseOf(kept, demands, this.#now(), this.#settings.shared);
      if (reuse === "while-revalidating") revalidate(this.#context, key, request, demands, kept);
      if (reuse !== "validate") return Promise.resolve(right(this.#hit(asked, kept, reuse !== "fresh")));
    }
    if (demands.directives.has("only-if-cached")) return Promise.resolve(right(this.#unavailable()));
    return request.method === "HEAD" ? this.#head(asked, isLater) : this.#fetch(asked, isLater);
  }

  /** Makes a call, or joins one. */
  #fetch(asked: Asked, isLater: boolean): Promise<Either<Err | Aborted, Res | HttpResponse>> {
    const { request, signal, key, demands, kept } = asked;
    const { inFlight } = this.#context;
    const validates = kept !== undefined && hasValidator(kept);
    const mayStore = !demands.directives.has("no-store");
    const mayShare =
      mayStore &&
      !demands.noCache &&
      (validates || !isConditional(request)) &&
      !this.#context.uncacheable.has(key);
    const known = mayShare ? inFlight.get(key) : undefined;
    if (known !== undefined) {
      this.#count("collapsed", request);
      return known.join(signal).then((result) => this.#joined(asked, result));
    }
    this.#count("misses", request);
    const forwarding = new Forwarding(this.#context, key, request, demands, kept, mayStore);
    if (mayShare) inFlight.set(key, forwarding);
    return this.#lead(asked, forwarding, isLater);
  }

  #lead(
    asked: Asked,
    forwarding: Forwarding<Res, Err>,
    isLater: boolean,
  ): Promise<Either<Err | Aborted, Res | HttpResponse>> {
    const result = forwarding.join(asked.signal);
    forwarding.start(asked.signal, isLater);
    return result.then((settled) => (isLeft(settled) ? settled : right(this.#led(asked, settled.right))));
  }

  /** The response for the caller whose request was forwarded. */
  #led({ request, key, fwd, kept: before }: Asked, outcome: Outcome<Res>): Res | HttpResponse {
    if (outcome.kind === "own") {
      if (before === undefined && !isConditional(request)) this.#context.uncacheable.add(key);
      return this.#stated(outcome.response, { fwd });
    }
    this.#context.uncacheable.delete(key);
    if (outcome.kind === "stored") {
      const { response, body } = outcome;
      return this.#stated({ ...response, body: body() }, { fwd, stored: true });
    }
    if (outcome.kind === "validated") {
      this.#count("validated", request);
      return this.#answer(request, outcome.kept, { fwd, fwdStatus: 304 });
    }
    this.#count("stale", request);
    this.#settings.observer.staleIfError?.(request);
    return this.#answer(request, outcome.kept, { fwd, fwdStatus: outcome.status, detail: "stale-if-error" });
  }

  /** The response for a caller that joined, if the outcome may be used for its request. */
  #joined(
    asked: Asked,
    result: Either<Err | Aborted, Outcome<Res>>,
  ): Either<Err | Aborted, Res | HttpResponse> | Promise<Either<Err | Aborted, Res | HttpResponse>> {
    if (isLeft(result)) return result;
    const outcome = result.right;
    const { request, key, demands, kept, fwd } = asked;
    if (outcome.kind === "own" || !this.#suits(asked, outcome)) {
      discardUnused(outcome);
      return this.#lead(asked, new Forwarding(this.#context, key, request, demands, kept, true), true);
    }
    if (outcome.kind === "stored")
      return right(this.#stated({ ...outcome.response, body: outcome.body() }, { fwd, collapsed: true }));
    const fwdStatus = outcome.kind === "validated" ? 304 : outcome.status;
    return right(this.#answer(request, outcome.kept, { fwd, fwdStatus, collapsed: true }));
  }

  #suits({ request, demands }: Asked, { kind, kept }: Exclude<Outcome<Res>, { kind: "own" }>): boolean {
    if (!isSelected(kept.stored.selectedBy, request)) return false;
    const { shared } = this.#settings;
    return kind === "stale"
      ? mayReplaceError(kept, demands, this.#now(), shared)
      : reuseOf(kept, demands, this.#now(), shared) !== "validate";
  }

  /** Forwards a HEAD request, whose response may show that what is stored is outdated. */
  #head(asked: Asked, isLater: boolean): Promise<Either<Err | Aborted, Res | HttpResponse>> {
    const { request, signal, key, kept, fwd } = asked;
    this.#count("misses", request);
    const requestedAt = this.#now();
    const { shelf, settings, read } = this.#context;
    const wait = { maxWaitMs: defaultMaxWaitMs, clock: settings.clock };
    const call: Promise<Either<Err | Aborted, Res>> = isLater
      ? oneshot(this.#inner, request, signal, wait)
      : this.#inner.call(request, signal);
    return call.then((result) => {
      if (isLeft(result)) return result;
      const response = result.right;
      if (kept !== undefined && response.status === 200) {
        const stored = updated(kept.stored, response, request, requestedAt, this.#now());
        const isSame = isAbout(response.headers, kept) && hasSameLength(response, kept);
        const { headers, directives } = read(stored);
        const isKept = isSame && isStorable(request, { status: 200, headers }, directives, settings.shared);
        void (isKept ? shelf.put(key, request, stored) : shelf.drop(key, request));
      }
      return right(this.#stated(response, { fwd }));
    });
  }

  #invalidate(key: string): void | Promise<void> {
    this.#context.inFlight.get(key)?.invalidate();
    return this.#context.shelf.delete(key);
  }

  #hit(asked: Asked, kept: Kept, isStale: boolean): HttpResponse {
    this.#count(isStale ? "stale" : "hits", asked.request);
    this.#settings.observer.hit?.(isStale, asked.request);
    return this.#answer(asked.request, kept, { hit: true });
  }

  #answer(request: HttpRequest, kept: Kept, status: Omit<Status, "ttl">): HttpResponse {
    return answerFrom(kept, request, this.#now(), status, this.#statusText);
  }

  #unavailable(): HttpResponse {
    return this.#stated(httpResponse(504), { detail: "only-if-cached" });
  }

  #passed(result: Either<Err, Res>, status: Status): Either<Err, Res> {
    return isLeft(result) ? result : right(this.#stated(result.right, status));
  }

  #stated<R extends HttpResponse>(response: R, status: Status): R {
    const text = this.#statusText(status);
    return text === undefined
      ? response
      : { ...response, headers: response.headers.append("cache-status", text) };
  }

  #count(what: keyof CachedService<Res, Err>["counts"], request: HttpRequest): void {
    this.#counts[what]++;
    const { observer } = this.#settings;
    if (what === "validated") observer.validated?.(request);
    else if (what === "misses" || what === "collapsed") observer.missed?.(what === "collapsed", request);
  }

  #now(): number {
    return this.#settings.clock.wallTime();
  }
}

function forwardedFor({ noCache }: Demands, kept: Kept | undefined, hasVariants: boolean): Forwarded {
  if (kept === undefined) return hasVariants ? "vary-miss" : "uri-miss";
  return noCache ? "request" : "stale";
}

function hasSameLength({ headers }: HttpResponse, { stored }: Kept): boolean {
  const length = headers.get("content-length");
  return length === undefined || length === String(stored.body.length);
}
