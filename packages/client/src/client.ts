import {
  type Description,
  isLeft,
  optional,
  type Service,
  ServiceBuilder,
  systemClock,
  systemRandom,
} from "@pagoda/core";
import { toFetch } from "@pagoda/fetch";
import { followRedirects } from "@pagoda/follow-redirects";
import type { HttpHeaders, HttpResponse } from "@pagoda/http";
import { transport } from "@pagoda/transport";
import { BaseUrl } from "./base-url.ts";
import type { Call, ThrowingCall } from "./call.ts";
import type { CallRequest } from "./call-request.ts";
import { callTimeout } from "./call-timeout.ts";
import { Calls } from "./calls.ts";
import { defaultHeaders } from "./default-headers.ts";
import type { ErrorsOf } from "./faults.ts";
import { hostStack } from "./host-stack.ts";
import { type Hosts, manyHosts, oneHost } from "./hosts.ts";
import { LazyCall } from "./lazy-call.ts";
import { type CallOptions, headersOf, type SendOptions } from "./message.ts";
import { type ClientOptions, type Connect, hostLimits } from "./options.ts";
import { LazyThrowingCall } from "./throwing-call.ts";

/** The methods of a client, with results as `Either` or with exceptions. */
interface Methods<C, Options, Send> {
  get(url: string | URL, options?: Options): C;
  head(url: string | URL, options?: Options): C;
  post(url: string | URL, options?: Send): C;
  put(url: string | URL, options?: Send): C;
  patch(url: string | URL, options?: Send): C;
  delete(url: string | URL, options?: Send): C;
  /** Calls with any method, case-sensitive. */
  request(method: string, url: string | URL, options?: Send): C;
}

/**
 * A client whose methods throw `CallFailed`, with the typed error as `cause` and a message such as `GET
 * https://a.example/users failed after 3 requests: status error at https://a.example (status 503)`.
 */
export interface ThrowingClient extends Methods<ThrowingCall, CallOptions, SendOptions> {}

/** An HTTP client. `Err` are the errors of every call; reading its response adds others. */
export interface Client<out Err> extends Methods<Call<Err>, CallOptions, SendOptions> {
  /** The same client, with exceptions instead of `Left`. */
  readonly orThrow: ThrowingClient;
  /**
   * `fetch` with the client's policies: bodies stream, statuses are not errors, and an error is
   * thrown as `TypeError` with the typed one as `cause`. Takes relative URLs, too.
   */
  readonly fetch: typeof fetch;
  /** The stack of the client, for use inside other stacks. */
  readonly service: Service<CallRequest, HttpResponse, Err>;
  /** Returns the stack with its live state: policies, hosts, connections. */
  describe(): Description;
  /** Lets calls in flight finish, then closes all connections. Further calls are `ClientClosed`. */
  close(): Promise<void>;
}

/**
 * Makes an HTTP client with the resilience that a call over a network needs: time limits for the
 * call and each attempt, retries within a budget, and for each host a circuit breaker, a limit of
 * concurrent attempts and a connection pool. Make one and keep it.
 *
 * Retries are for failures that may pass (no connection, a connection that breaks, a timeout, 429, 502,
 * 503, 504) of requests that may be repeated: those with an idempotent method, an `Idempotency-Key` or
 * `retry: true`. `Retry-After` is honoured up to 5 s. Redirects are followed, and bodies
 * decompressed.
 *
 * Errors: `ErrorsOf<Options>`, inferred from the options.
 *
 * @example
 * const api = client({ baseUrl: "https://api.example.com" });
 * const user = await api.get("/users/1").json(User);
 * if (isLeft(user)) console.error(user.left._tag);
 * else console.log(user.right.name);
 *
 * @throws RangeError if an option is out of range.
 */
export function client<const Options extends ClientOptions = {}, Err = never>(
  // `Err` is free, so that a service made inside `connect` keeps its own errors: with `unknown` in
  // its place, the compiler would take that for them.
  options: Options & ClientOptions<Err> = {} as Options & ClientOptions<Err>,
): Client<ErrorsOf<Options>> {
  const { clock = systemClock, random = systemRandom, timeoutMs = 30_000 } = options;
  const base = new BaseUrl(options.baseUrl);
  const connect = options.connect ?? connectWith(options);
  const stack = hostStack(options, clock, random);
  const limits = hostLimits(options);
  const hosts =
    limits === undefined
      ? oneHost(base.origin as string, connect, stack)
      : manyHosts(connect, stack, limits, clock);
  const headers = headersOf(options.headers);

  const service = new ServiceBuilder<CallRequest>()
    // Outside the redirects, which remove credentials.
    .layer(optional(headers.size === 0 ? undefined : defaultHeaders(headers, base.origin)))
    // Outside the timeout, so that it sees calls that ran out of time.
    .layer(optional(options.perCall))
    .layer(callTimeout(timeoutMs === false ? undefined : timeoutMs, clock))
    .layer(optional(redirects(options, headers)))
    .service(hosts);

  // Which policies raise errors is decided by the options: the only place where the types follow them.
  const typed = service as Service<CallRequest, HttpResponse, ErrorsOf<Options>>;
  return new StackClient(new Calls(base, typed, options.maxBytes), hosts);
}

/** The attempt's limit takes the place of the transport's own. */
function connectWith({ tryTimeoutMs }: ClientOptions): Connect {
  return (origin) => transport(origin, tryTimeoutMs === false ? {} : { headersTimeoutMs: 0 });
}

function redirects(
  { redirects: given = {}, baseUrl, clock = systemClock }: ClientOptions,
  headers: HttpHeaders,
) {
  if (given === false) return undefined;
  const { sensitiveHeaders = [] } = given;
  // Without a base URL they are for all hosts.
  const own = baseUrl === undefined ? [] : Array.from(headers, ([name]) => name);
  return followRedirects({ clock, ...given, sensitiveHeaders: [...sensitiveHeaders, ...own] });
}

class StackClient<Err> implements Client<Err> {
  readonly orThrow: ThrowingClient;
  readonly fetch: typeof fetch;
  readonly service: Service<CallRequest, HttpResponse, Err>;
  readonly #calls: Calls<Err>;
  readonly #hosts: Hosts;

  constructor(calls: Calls<Err>, hosts: Hosts) {
    this.#calls = calls;
    this.#hosts = hosts;
    this.service = calls.service;
    this.orThrow = throwing(calls);
    this.fetch = fetchOf(calls);
  }

  get(url: string | URL, options?: CallOptions): Call<Err> {
    return this.request("GET", url, options);
  }

  head(url: string | URL, options?: CallOptions): Call<Err> {
    return this.request("HEAD", url, options);
  }

  post(url: string | URL, options?: SendOptions): Call<Err> {
    return this.request("POST", url, options);
  }

  put(url: string | URL, options?: SendOptions): Call<Err> {
    return this.request("PUT", url, options);
  }

  patch(url: string | URL, options?: SendOptions): Call<Err> {
    return this.request("PATCH", url, options);
  }

  delete(url: string | URL, options?: SendOptions): Call<Err> {
    return this.request("DELETE", url, options);
  }

  request(method: string, url: string | URL, options: SendOptions = {}): Call<Err> {
    return new LazyCall(this.#calls, method, url, options);
  }

  describe(): Description {
    return this.service.describe();
  }

  close(): Promise<void> {
    return this.#hosts.close();
  }
}

function throwing(calls: Calls<unknown>): ThrowingClient {
  const request = (method: string, url: string | URL, options: SendOptions = {}): ThrowingCall =>
    new LazyThrowingCall(calls, method, url, options);
  return {
    request,
    get: (url, options) => request("GET", url, options),
    head: (url, options) => request("HEAD", url, options),
    post: (url, options) => request("POST", url, options),
    put: (url, options) => request("PUT", url, options),
    patch: (url, options) => request("PATCH", url, options),
    delete: (url, options) => request("DELETE", url, options),
  };
}

function fetchOf({ base, service }: Calls<unknown>): typeof fetch {
  const resilient = toFetch(service);
  return async (input, init) => {
    if (typeof input !== "string" && !(input instanceof URL)) return resilient(input, init);
    const url = base.resolve(input);
    if (isLeft(url)) throw new TypeError("fetch failed", { cause: url.left });
    return resilient(url.right, init);
  };
}
