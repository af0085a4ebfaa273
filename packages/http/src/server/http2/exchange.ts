import { constants, type ServerHttp2Stream } from "node:http2";
import { AbortSource, type Clock } from "@pagoda/core";
import { isLeft } from "fp-ts/lib/Either.js";
import { emptyBody, isEmptyBody } from "../../body.ts";
import { CutOff } from "../../cut-off.ts";
import type { HttpHeaders, RawHeaders } from "../../headers.ts";
import { opensTunnel } from "../../grammar/status.ts";
import { type HttpRequest, type HttpResponse, type Peer, text } from "../../message.ts";
import { asObject, withSingleLines } from "../../single-lines.ts";
import type { StreamBody } from "../../stream-body.ts";
import type { Backlog } from "../backlog.ts";
import { clientGone, lingerMs, quietTooLong } from "../connections.ts";
import { Pace } from "../pace.ts";
import { refusalText } from "../refusal.ts";
import type { ServerContext } from "../server-context.ts";
import type { ExchangeStream } from "./exchange-stream.ts";
import { readRequest } from "./request.ts";
import { cut, furtherFields, send } from "./response.ts";
import { open } from "./tunnel.ts";

/** The connection as seen by an exchange. */
export interface Surroundings {
  readonly server: ServerContext;
  readonly peer: Peer;
  readonly clock: Clock;
}

/** A request and its response: a stream. */
export class Exchange implements ExchangeStream {
  readonly stream: ServerHttp2Stream;
  isUnheard = false;
  readonly #around: Surroundings;
  readonly #gone = new AbortSource();
  /**
   * Chunks transferred in either direction, their number at the last check, and since when there
   * have been no more.
   */
  #passed = 0;
  #seen = 0;
  #quietSince: number;
  /** The request body, if a limit applies to it. */
  #upload: { readonly body: StreamBody; readonly pace: Pace } | undefined;
  #cameBytes = 0;
  /**
   * The server has answered by itself or broken the stream off: the stack's response is too late.
   */
  #isCutOff = false;

  constructor(stream: ServerHttp2Stream, around: Surroundings) {
    this.stream = stream;
    this.#around = around;
    this.#quietSince = around.clock.now();
    // A stream that its client resets also emits an error.
    stream.on("error", () => {});
    stream.once("close", () => {
      if (!stream.writableEnded || stream.rstCode !== constants.NGHTTP2_NO_ERROR) this.lost();
    });
  }

  /** The client is gone or was cut off. */
  lost(reason: DOMException = clientGone): void {
    this.#gone.abort(reason);
  }

  begin(flags: number, fields: RawHeaders): void {
    const { stream } = this;
    const { server, peer } = this.#around;
    const request = readRequest({
      exchange: this,
      flags,
      fields,
      peer,
      scheme: server.scheme,
      tunnels: server.tunnels,
    });
    if (!("method" in request)) {
      server.refused(request);
      if (request.isReset) stream.close(constants.NGHTTP2_PROTOCOL_ERROR);
      else send(text(refusalText(request), request.status), this, "GET", () => {});
      return;
    }
    if (mayBeEmpty(request)) this.#whenBodyShows(request);
    else this.#call(request);
  }

  /**
   * Waits until it is known whether a request has a body. One that is not expected to have a body
   * may end with an empty DATA frame instead of its head. As an HTTP/1.1 request it would become a
   * chunked one, which some servers refuse.
   */
  #whenBodyShows(request: HttpRequest): void {
    const { stream } = this;
    const shows = (): void => {
      stream.off("readable", shows);
      // Cancelled before it was complete.
      if (stream.destroyed || stream.closed || this.#isCutOff) return;
      const isEmpty = stream.readableLength === 0;
      // Must be read to its end to close with the response.
      if (isEmpty) stream.resume();
      this.#call(isEmpty ? { ...request, body: emptyBody } : request);
    };
    stream.on("readable", shows);
  }

  #call(request: HttpRequest): void {
    const { stream } = this;
    const { server } = this.#around;
    const { method } = request;
    const defect = (cause: unknown): void => {
      server.defect(cause, request);
      if (stream.headersSent) cut(stream);
      else send(internalError, this, method, () => {});
    };
    server.call(request, this.#gone.signal).then((result) => {
      try {
        if (isLeft(result)) defect(result.left);
        else if (this.#isCutOff) result.right.body.cancel();
        else if (opensTunnel(request, result.right.status)) open(request, result.right, this);
        else send(result.right, this, method, defect);
      } catch (cause) {
        defect(cause);
      }
    }, defect);
  }

  /**
   * The response was sent. The rest of the request is discarded for a while, as in HTTP/1.1. Then
   * the stream is reset without an error (RFC 9113, 8.1). After an immediate reset some clients
   * would not see the response.
   */
  readonly linger = (): void => {
    const { stream } = this;
    const { clock } = this.#around;
    if (stream.readableEnded || stream.destroyed) return;
    // Even if both sides have ended: Node does not close the stream before everything has been
    // read.
    stream.resume();
    if (stream.closed) return;
    const timer = clock.setTimer(lingerMs, () => stream.close(constants.NGHTTP2_NO_ERROR));
    stream.once("close", () => clock.clearTimer(timer));
  };

  readonly tick = (): void => {
    this.#passed++;
  };

  came(bytes: number): void {
    this.#passed++;
    this.#cameBytes += bytes;
  }

  measure(body: StreamBody): void {
    this.#upload = { body, pace: new Pace(0) };
  }

  /** Whether bytes wait for the client. */
  get isHeldUp(): boolean {
    return this.stream.writableLength > 0 && !this.stream.destroyed;
  }

  get backlog(): Backlog {
    return this.#around.server.backlog;
  }

  /**
   * Resets the stream when it has been idle for too long, or refuses a body that is too slow.
   *
   * @param lostMs How long the process was held up and could not check.
   * @param moves Whether a part of the response was certainly transferred.
   */
  look(now: number, lostMs: number, moves: boolean): void {
    this.#quietSince += lostMs;
    const { limits } = this.#around.server;
    if (moves || this.#passed !== this.#seen) {
      this.#seen = this.#passed;
      this.#quietSince = now;
    } else if (now - this.#quietSince >= limits.quietMs)
      return this.cutOff(new CutOff(quietTooLong(limits.quietMs)));
    const upload = this.#upload;
    if (upload === undefined) return;
    const why = upload.pace.look(now, upload.body.waits, this.#cameBytes, limits.body);
    if (why !== undefined) this.#refuseSlow(`the body ${why}`);
  }

  /**
   * Breaks the response off, but not while Node is writing: it would end the stream before the
   * reset, and the client would treat the response as complete.
   */
  breakOff(): void {
    this.#around.clock.setTimer(0, () => cut(this.stream));
  }

  /** Breaks the response off and aborts the call. */
  cutOff(reason: CutOff): void {
    this.#isCutOff = true;
    this.lost(reason);
    this.stream.close(constants.NGHTTP2_CANCEL);
  }

  #refuseSlow(reason: string): void {
    const refusal = { status: 408, reason } as const;
    this.#upload = undefined;
    this.#around.server.refused(refusal);
    if (this.stream.headersSent) return this.cutOff(new CutOff(reason));
    this.#isCutOff = true;
    this.lost(new CutOff(reason));
    send(text(refusalText(refusal), refusal.status), this, "POST", () => {});
  }

  readonly inform: NonNullable<HttpRequest["onInformation"]> = (status: number, headers: HttpHeaders) => {
    const { stream } = this;
    // The body sends 100: see request.ts. HTTP/2 has no 101.
    if (status <= 101 || stream.headersSent || stream.destroyed) return;
    try {
      withSingleLines(furtherFields(headers), (lines) =>
        stream.additionalHeaders({ ...asObject(lines), ":status": status }),
      );
    } catch {
      // The client can do without a 1xx response.
    }
  };
}

const rarelyHasBody: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "DELETE"]);

function mayBeEmpty({ method, body, upgrade, headers }: HttpRequest): boolean {
  if (isEmptyBody(body) || body.length !== undefined || upgrade !== undefined) return false;
  // A client that waits for `100 Continue` sends nothing before.
  return rarelyHasBody.has(method) && !headers.has("expect");
}

const internalError: HttpResponse = text("500 Internal Server Error\n", 500);
