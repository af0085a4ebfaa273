import { Agent as HttpAgent, type ClientRequest, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { HttpRequest } from "@pagoda/core/http";
import { left } from "fp-ts/lib/Either.js";
import { coded, faultOf } from "./faults.ts";
import { requestFields } from "./headers.ts";
import { type NodeCall, NodeExchange, type NodeOrigin } from "./node-exchange.ts";

export interface NodeClientOptions extends Omit<NodeOrigin, "secure"> {
  readonly tls: object;
  readonly keepAliveMs: number;
}

/**
 * What undici's `dispatch` cannot send: `Expect: 100-continue`, trailers after a chunked body, and a target that is
 * no path, `OPTIONS *`.
 */
export function needsNodeClient({ headers: { raw }, body, path }: HttpRequest): boolean {
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    if (name.length === 6 && name.toLowerCase() === "expect") return true;
    if (name.length === 7 && body.length === undefined && name.toLowerCase() === "trailer") return true;
  }
  return path === "*";
}

/** Calls an origin with Node's own client, which costs more and can do more: see {@link needsNodeClient}. */
export class NodeClient {
  readonly #url: URL;
  readonly #origin: NodeOrigin;
  readonly #agent: HttpAgent;
  #underWay = 0;
  #closed: PromiseWithResolvers<void> | undefined;

  constructor(url: URL, { tls, keepAliveMs, ...origin }: NodeClientOptions) {
    const secure = url.protocol === "https:";
    const pool = { keepAlive: true, timeout: keepAliveMs, ...tls };
    this.#url = url;
    this.#origin = { ...origin, secure };
    this.#agent = secure ? new HttpsAgent(pool) : new HttpAgent(pool);
  }

  /** How many connections there are, and how many of them nobody uses. */
  get counts(): { readonly connections: number; readonly idle: number } {
    const idle = total(this.#agent.freeSockets);
    return { connections: idle + total(this.#agent.sockets), idle };
  }

  call(call: NodeCall): void {
    const over = (): void => {
      this.#underWay--;
      call.over();
      this.#closeIfIdle();
    };
    this.#underWay++;
    try {
      new NodeExchange(this.#origin, { ...call, over }, this.#send(call.request)).begin();
    } catch (error) {
      call.settle(left(faultOf(error as Error, { ...this.#origin, connected: false })));
      over();
    }
  }

  /** Lets the calls under way finish, then closes the connections. */
  close(): Promise<void> {
    this.#closed ??= Promise.withResolvers();
    this.#closeIfIdle();
    return this.#closed.promise;
  }

  #closeIfIdle(): void {
    if (this.#closed === undefined || this.#underWay > 0) return;
    // It would cut those in use, too.
    this.#agent.destroy();
    this.#closed.resolve();
  }

  #send(request: HttpRequest): ClientRequest {
    const send = this.#origin.secure ? httpsRequest : httpRequest;
    return send(this.#url, {
      agent: this.#agent,
      method: request.method,
      path: request.path + request.query,
      headers: fieldsFor(request),
      maxHeaderSize: 61_440,
    });
  }
}

/**
 * As for undici, with what only this client can send. The body is framed by exactly one field: Node would send what
 * it is given, both of them or none.
 */
function fieldsFor(request: HttpRequest): string[] {
  const { body, headers } = request;
  const lengths = headers.all("content-length");
  if (lengths.length > 1 || !/^\d*$/.test(lengths[0] ?? "")) {
    throw coded("UND_ERR_INVALID_ARG", "invalid content-length header");
  }
  let fields = requestFields(request);
  const expect = headers.get("expect");
  if (expect !== undefined) fields.push("expect", expect);
  if (lengths.length === 0 && body.length === undefined) fields.push("transfer-encoding", "chunked");
  else fields = withoutTrailer(fields);
  if (lengths.length === 0 && body.length !== undefined) {
    if (body.length > 0 || anticipatesBody.has(request.method))
      fields.push("content-length", `${body.length}`);
  }
  return fields;
}

/** Node refuses a `Trailer` field where the body is not chunked, and so can have none. */
function withoutTrailer(fields: string[]): string[] {
  return fields.filter((_, i) => (fields[i & ~1] as string).toLowerCase() !== "trailer");
}

/** Methods whose requests say `Content-Length: 0` where they have no body (RFC 9110, 8.6). */
const anticipatesBody: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH"]);

function total(sockets: NodeJS.ReadOnlyDict<readonly unknown[]>): number {
  return Object.values(sockets).reduce((sum, some = []) => sum + some.length, 0);
}
