import {
  Agent as HttpAgent,
  type ClientRequest,
  type IncomingMessage,
  request as httpRequest,
} from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { aborted, systemClock, type Timer } from "@pagoda/core";
import { type BodyFlow, HttpHeaders, type HttpRequest, StreamBody } from "@pagoda/core/http";
import { left, right } from "fp-ts/lib/Either.js";
import type { Origin, Result } from "./exchange.ts";
import { faultOf } from "./faults.ts";
import { announcedLength, requestFields } from "./headers.ts";

/** How long an origin may say nothing to `Expect: 100-continue` before the body is sent anyway. */
const continueMs = 1_000;

export interface NodeClientOptions extends Origin {
  readonly tls: object;
  readonly connectTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly keepAliveMs: number;
}

/** What undici's `dispatch` cannot send: `Expect: 100-continue`, and trailers after a request's body. */
export function needsNodeClient({ headers: { raw } }: HttpRequest): boolean {
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    if (name.length === 6 && name.toLowerCase() === "expect") return true;
    if (name.length === 7 && name.toLowerCase() === "trailer") return true;
  }
  return false;
}

/** Calls an origin with Node's own client, which costs more and can do more: see {@link needsNodeClient}. */
export class NodeClient {
  readonly #origin: URL;
  readonly #options: NodeClientOptions;
  readonly #agent: HttpAgent;

  constructor(origin: URL, options: NodeClientOptions) {
    this.#origin = origin;
    this.#options = options;
    const pool = { keepAlive: true, timeout: options.keepAliveMs, ...options.tls };
    this.#agent = origin.protocol === "https:" ? new HttpsAgent(pool) : new HttpAgent(pool);
  }

  /**
   * @param settle Takes the result: the first time counts.
   * @param over The connection is free again, or gone: called once.
   */
  call(
    request: HttpRequest,
    signal: AbortSignal | undefined,
    settle: (result: Result) => void,
    over: () => void,
  ): void {
    const { upstream, headersTimeoutMs, connectTimeoutMs, idleTimeoutMs } = this.#options;
    const send = this.#origin.protocol === "https:" ? httpsRequest : httpRequest;
    let out: ClientRequest;
    try {
      out = send(this.#origin, {
        agent: this.#agent,
        method: request.method,
        path: request.path + request.query,
        headers: fieldsFor(request),
      });
    } catch (error) {
      settle(left(faultOf(error as Error, { upstream, headersTimeoutMs, connected: false })));
      return over();
    }
    let connected = false;
    let flow: BodyFlow | undefined;
    let timer: Timer | undefined;

    const limit = (ms: number, act: () => void): void => {
      if (timer !== undefined) systemClock.clearTimer(timer);
      timer = ms === 0 ? undefined : systemClock.setTimer(ms, act);
    };
    const giveUp = (code: string): void => {
      out.destroy(Object.assign(new Error(`no answer of ${upstream} in time`), { code }));
    };
    const finish = (result: Result): void => {
      limit(0, () => {});
      signal?.removeEventListener("abort", onAbort);
      settle(result);
    };
    const onAbort = (): void => {
      finish(left(aborted(signal as AbortSignal)));
      out.destroy();
    };
    const sendBody = (): void => {
      if (flow !== undefined || out.destroyed) return;
      limit(headersTimeoutMs, () => giveUp("UND_ERR_HEADERS_TIMEOUT"));
      out.on("drain", () => flow?.resume());
      flow = request.body.pipe({
        write: (chunk) => {
          limit(headersTimeoutMs, () => giveUp("UND_ERR_HEADERS_TIMEOUT"));
          return out.write(chunk);
        },
        end: (trailers) => {
          if (trailers.size > 0) out.addTrailers([...trailers] as [string, string][]);
          out.end();
        },
        fail: (fault) => {
          finish(left({ _tag: "Aborted", origin: "local", retryable: false, cause: fault }));
          out.destroy();
        },
      });
    };
    const onConnected = (): void => {
      connected = true;
      if (expectsContinue(request)) limit(continueMs, sendBody);
      else sendBody();
    };

    signal?.addEventListener("abort", onAbort);
    limit(connectTimeoutMs, () => giveUp("UND_ERR_CONNECT_TIMEOUT"));
    out.on("socket", (socket) => {
      if (!socket.connecting) onConnected();
      else socket.once(this.#origin.protocol === "https:" ? "secureConnect" : "connect", onConnected);
    });
    out.on("continue", sendBody);
    out.on("information", ({ statusCode, rawHeaders }) => {
      request.onInformation?.(statusCode, new HttpHeaders(rawHeaders));
    });
    out.on("response", (message) => {
      finish(right(this.#response(request, message, idleTimeoutMs, out)));
    });
    out.on("error", (error) => finish(left(faultOf(error, { upstream, headersTimeoutMs, connected }))));
    out.on("close", () => {
      flow?.cancel();
      over();
    });
    out.flushHeaders();
  }

  close(): void {
    this.#agent.destroy();
  }

  #response(request: HttpRequest, message: IncomingMessage, idleMs: number, out: ClientRequest) {
    const status = message.statusCode as number;
    const headers = new HttpHeaders(message.rawHeaders);
    out.setTimeout(idleMs, () => out.destroy());
    return {
      status,
      headers,
      body: new StreamBody(message, announcedLength(headers, request.method, status)),
      statusText: message.statusMessage,
      upstream: this.#options.upstream,
      fault: undefined,
    };
  }
}

function expectsContinue({ headers }: HttpRequest): boolean {
  return headers.get("expect")?.toLowerCase() === "100-continue";
}

/** As for undici, with what only this client can send. */
function fieldsFor(request: HttpRequest): string[] {
  const fields = requestFields(request);
  const expect = request.headers.get("expect");
  if (expect !== undefined) fields.push("expect", expect);
  if (request.body.length === undefined) fields.push("transfer-encoding", "chunked");
  return fields;
}
