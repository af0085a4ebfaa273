import assert from "node:assert/strict";
import { type Either, type Fault, isFault, isLeft, isRight, type Service } from "@pagoda/core";
import { settled } from "@pagoda/core/testing";
import { type HttpRequest, httpRequest, type HttpResponse, type RequestInput } from "../../message.ts";
import { type BareConnection, BareOrigin } from "./bare-origin.ts";
import { Http2Origin, type Http2Answer } from "./http2-origin.ts";

/** What a rule asks of a client. What it does not ask for is the client's default. */
export interface ClientSettings {
  readonly protocol: "http1" | "http2";
  /** Maximum concurrent calls. */
  readonly maxConnections?: number;
  readonly connectTimeoutMs?: number;
  readonly headersTimeoutMs?: number;
  readonly idleTimeoutMs?: number;
}

/** A client of one origin. */
export interface ClientUnderTest {
  readonly service: Service<HttpRequest, HttpResponse, unknown>;
  /** Closes its connections. */
  readonly close: () => Promise<void>;
}

/** Makes a client of the origin at this URL, `http://` or `https://`. */
export type MakeClient = (url: string, settings: ClientSettings) => ClientUnderTest;

export type Result = Promise<Either<unknown, HttpResponse>>;

/** A call in progress at a bare origin that has its head. */
export interface Exchange {
  readonly origin: BareOrigin;
  readonly service: ClientUnderTest["service"];
  readonly result: Result;
  readonly connection: BareConnection;
  readonly head: string;
}

/** The fixture of one rule. */
export class ClientBench {
  readonly #makeClient: MakeClient;
  readonly #ends: (() => unknown)[] = [];

  constructor(makeClient: MakeClient) {
    this.#makeClient = makeClient;
  }

  async origin(): Promise<BareOrigin> {
    const origin = await BareOrigin.open();
    this.#ends.push(() => origin.close());
    return origin;
  }

  async http2Origin(answer: Http2Answer): Promise<Http2Origin> {
    const origin = await Http2Origin.open(answer);
    this.#ends.push(() => origin.close());
    return origin;
  }

  client(url: string, settings: Partial<ClientSettings> = {}): ClientUnderTest["service"] {
    const { service, close } = this.#makeClient(url, { protocol: "http1", ...settings });
    // Not awaited: a rule that failed may have left calls in flight.
    this.#ends.push(() => void close().catch(() => {}));
    return service;
  }

  /** Makes a call to a new bare origin and reads its head. */
  async ask(
    request: HttpRequest = requestTo(),
    settings: Partial<ClientSettings> = {},
    signal?: AbortSignal,
  ): Promise<Exchange> {
    const origin = await this.origin();
    const service = this.client(origin.url, settings);
    const result = service.call(request, signal);
    const connection = await origin.next();
    return { origin, service, result, connection, head: await connection.head() };
  }

  /** Makes a call to a new bare origin that answers its head with these lines. */
  async answered(lines: readonly string[], request: HttpRequest = requestTo()): Promise<Exchange> {
    const exchange = await this.ask(request);
    exchange.connection.say(...lines);
    return exchange;
  }

  /** Runs something when the rule has ended. */
  atEnd(end: () => void): void {
    this.#ends.push(end);
  }

  async close(): Promise<void> {
    for (const end of this.#ends.toReversed()) await end();
  }
}

export const ok: readonly string[] = ["HTTP/1.1 200 OK", "Content-Length: 2", "", "ok"];

/** A request without default fields. */
export function requestTo(method: string = "GET", path: string = "/", input: RequestInput = {}): HttpRequest {
  return httpRequest(`http://origin.test${path}`, { method, ...input });
}

export async function responseOf(result: Result): Promise<HttpResponse> {
  const given = await result;
  assert.ok(isRight(given), `no response, but ${isLeft(given) ? shown(given.left) : ""}`);
  return given.right;
}

export async function faultOf(result: Result): Promise<Fault & { readonly [field: string]: unknown }> {
  const given = await result;
  assert.ok(isLeft(given), "a response instead of a fault");
  assert.ok(isFault(given.left), "the error is not a fault");
  return given.left as Fault & { readonly [field: string]: unknown };
}

/** Checks some of the fields of a fault. */
export async function assertFault(
  result: Result,
  expected: Readonly<Record<string, unknown>>,
): Promise<void> {
  const fault = await faultOf(result);
  const given = Object.fromEntries(Object.keys(expected).map((name) => [name, fault[name]]));
  assert.deepEqual(given, expected, `unexpected fault: ${shown(fault)}`);
}

export async function textOf(result: Result): Promise<string> {
  const text = await (await responseOf(result)).body.text({ maxBytes: Infinity });
  assert.ok(isRight(text), "the response body is broken");
  return text.right;
}

/** Checks that a response body breaks off. */
export async function assertBroken(response: HttpResponse, origin: string = "upstream"): Promise<void> {
  const read = await response.body.bytes({ maxBytes: Infinity });
  assert.ok(isLeft(read), "a body that broke off was complete");
  assert.deepEqual([read.left._tag, read.left.origin], ["BodyBroken", origin]);
}

/** Waits until a condition holds, bounded by the time limit of the rule. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await settled();
}

/** Waits until no call is in flight, for clients that count them. */
export async function untilIdle({ describe }: ClientUnderTest["service"]): Promise<void> {
  if (typeof describe().state?.["inFlight"] === "number")
    await until(() => describe().state?.["inFlight"] === 0);
}

function shown(fault: unknown): string {
  const { _tag, code, reason, cause } = fault as Readonly<Record<string, unknown>>;
  return JSON.stringify({ _tag, code, reason, cause: cause instanceof Error ? cause.message : cause });
}
