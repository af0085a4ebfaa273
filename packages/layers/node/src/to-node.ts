import { type IncomingMessage, type RequestListener, type ServerResponse, STATUS_CODES } from "node:http";
import { AbortSource, isLeft, type Service } from "@pagoda/core";
import { type HttpRequest, type HttpResponse, text } from "@pagoda/http";
import { fromNodeRequest } from "./node-request.ts";
import { composeHead } from "./response-head.ts";
import { breakOff, ResponseSink } from "./response-sink.ts";

/** Callbacks for logs. */
export interface ToNodeOptions {
  /** The stack rejected or threw: a bug in the program. The client received 500. */
  readonly defect?: (defect: unknown, request: HttpRequest) => void;
}

/**
 * Turns a stack into a request listener: for `http.createServer`, and as a handler in frameworks
 * built on it. The stack must answer all of its errors: its error type is `never`.
 *
 * Bodies stream both ways with backpressure. When the client goes away, the call is aborted and the
 * response body cancelled. A response body that breaks off resets the connection. Trailers and 1xx
 * responses are sent. Fields that middleware has set on the response are kept, unless the stack
 * sets them, too. The path is that of `request.url`, so where a framework removes the prefix of a
 * mounted handler from it, the stack sees the rest.
 *
 * Call it before any body parser. There are no tunnels: an upgrade is an ordinary request. It does
 * not wait for the stack's readiness, like `serve`.
 *
 * @example http.createServer(toNode(stack)).listen(3000);
 * @example express().use("/api", toNode(stack));
 */
export function toNode(
  service: Service<HttpRequest, HttpResponse, never>,
  options: ToNodeOptions = {},
): RequestListener {
  return (incoming, response) => {
    const request = fromNodeRequest(incoming, response);
    if (typeof request === "string") return refuse(response, request);
    new Exchange(request, incoming, response, options).start(service);
  };
}

/** A request and its response. */
class Exchange {
  readonly #request: HttpRequest;
  readonly #incoming: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #options: ToNodeOptions;
  readonly #client = new AbortSource();
  #sink: ResponseSink | undefined;

  constructor(
    request: HttpRequest,
    incoming: IncomingMessage,
    response: ServerResponse,
    options: ToNodeOptions,
  ) {
    this.#request = request;
    this.#incoming = incoming;
    this.#response = response;
    this.#options = options;
  }

  start(service: Service<HttpRequest, HttpResponse, never>): void {
    const response = this.#response;
    // The client may have left while middleware was busy.
    if (response.destroyed) this.#closed();
    else response.once("close", () => this.#closed());
    const defect = (cause: unknown): void => this.#defect(cause);
    call(service, this.#request, this.#client.signal).then((result) => {
      if (isLeft(result)) return defect(result.left);
      try {
        this.#answer(result.right);
      } catch (cause) {
        // A response that cannot be sent: an invalid status, a line feed in a field, a body that
        // was already read.
        result.right.body.cancel(cause);
        defect(cause);
      }
    }, defect);
  }

  #answer(answer: HttpResponse): void {
    const response = this.#response;
    const { body, status, statusText } = answer;
    if (response.destroyed) return body.cancel(this.#client.signal.reason);
    const whole = body.take();
    const { fields, hasBody, length } = composeHead(
      answer,
      this.#request,
      whole?.length ?? body.length,
      whole !== undefined,
    );
    // What middleware has set about framing is not about this body.
    for (const name of ["content-length", "transfer-encoding"])
      if (response.hasHeader(name)) response.removeHeader(name);
    response.once("finish", () => this.#incoming.resume());
    response.writeHead(status, statusText ?? STATUS_CODES[status] ?? "", fields);
    if (!hasBody || whole !== undefined) {
      body.cancel();
      response.end(hasBody ? whole : undefined);
      return;
    }
    this.#sink = new ResponseSink(response, length, (cause) => this.#defect(cause));
    this.#sink.pipe(body);
    if (!response.writableEnded && !response.destroyed) response.flushHeaders();
  }

  #closed(): void {
    if (this.#response.writableFinished) return;
    const reason = new Error("the client closed the request");
    this.#client.abort(reason);
    this.#sink?.closed(reason);
  }

  #defect(cause: unknown): void {
    const response = this.#response;
    this.#options.defect?.(cause, this.#request);
    if (response.headersSent) breakOff(response, this.#sink?.isDelimited ?? true);
    else if (!response.destroyed) this.#answer(text("500 Internal Server Error\n", 500));
  }
}

/** Calls the stack. A synchronous throw becomes a rejection, since it is a defect, too. */
async function call<Req, Res>(service: Service<Req, Res, never>, request: Req, signal: AbortSignal) {
  return service.call(request, signal);
}

/** Answers a request that the stack must not see. */
function refuse(response: ServerResponse, reason: string): void {
  response.writeHead(400, { "content-type": "text/plain; charset=utf-8", connection: "close" });
  response.end(`400 ${reason}\n`);
}
