import type { Socket } from "node:net";
import { isLeft } from "@pagoda/core";
import { emptyBody } from "../../body.ts";
import { opensTunnel } from "../../grammar/status.ts";
import { isGrpc } from "../../grpc.ts";
import { HttpHeaders } from "../../headers.ts";
import { type HttpRequest, type HttpResponse, type Peer, text } from "../../message.ts";
import { callNotes } from "../../notes.ts";
import { internalError, type Refusal, refusalText } from "../refusal.ts";
import type { ServerContext } from "../server-context.ts";
import { type BodySource, IncomingBody } from "../incoming-body.ts";
import { composeInformation } from "./information.ts";
import { Outgoing } from "./outgoing.ts";
import type { RequestHead } from "./request-head.ts";
import { composeHead } from "./response-head.ts";
import { ResponseSink } from "./response-sink.ts";
import { composeAcceptance, TunnelSink } from "./tunnel.ts";
import { unlessReset } from "./unless-reset.ts";

/** A connection as seen by the exchanges on it. */
export interface ExchangeConnection {
  readonly socket: Socket;
  readonly server: ServerContext;
  readonly peer: Peer;
  /** Aborted when the client is gone or is cut off. */
  readonly signal: AbortSignal;
  /** Whether the server only reads the rest of what the client sends. */
  readonly isLingering: boolean;
  /** The current response was sent. */
  readonly responseSent: () => void;
  /** Whether the connection ends with the response that is about to be sent. */
  isLast(exchange: Exchange): boolean;
  /** Ends the connection after this response. */
  endAfter(exchange: Exchange): void;
}

/** A tunnel that a request asks for. */
export interface WantedTunnel {
  /** `undefined` for `CONNECT`. */
  readonly upgrade: string | undefined;
}

/** A request and its response. */
export class Exchange implements BodySource {
  readonly head: RequestHead;
  readonly body: IncomingBody | undefined;
  /** The content of a request that asks for a tunnel. */
  readonly #content: IncomingBody | undefined;
  readonly out: Outgoing;
  /** The whole request has arrived. */
  isComplete = false;
  /** The connection carries the tunnel that the request has asked for. */
  isTunnel = false;
  readonly #connection: ExchangeConnection;
  readonly #wanted: WantedTunnel | undefined;
  #awaitsContinue: boolean;
  #sink: ResponseSink | TunnelSink | undefined;
  /** The client is gone. */
  #isGone = false;

  constructor(connection: ExchangeConnection, head: RequestHead, wanted: WantedTunnel | undefined) {
    this.head = head;
    this.out = new Outgoing(connection.socket, connection.responseSent);
    this.#connection = connection;
    this.#wanted = wanted;
    this.#awaitsContinue = head.awaitsContinue;
    const content = head.length === 0 ? undefined : new IncomingBody(this, head.length);
    this.body = wanted === undefined ? content : new IncomingBody(this, undefined);
    this.#content = wanted === undefined ? undefined : content;
  }

  /** The body to whose pace limits apply: tunnels and gRPC streams may be slow. */
  get measured(): IncomingBody | undefined {
    if (this.wantsTunnel) return this.#content;
    return this.body !== undefined && isGrpc(this.head.headers) ? undefined : this.body;
  }

  get wantsTunnel(): boolean {
    return this.#wanted !== undefined;
  }

  /** Calls the stack. */
  start(): void {
    const { head } = this;
    const { server, peer, signal } = this.#connection;
    const request: HttpRequest = {
      method: head.method,
      scheme: server.scheme,
      authority: head.authority,
      path: head.path,
      query: head.query,
      headers: head.headers,
      body: this.body ?? emptyBody,
      upgrade: this.#wanted?.upgrade,
      upgradeContent: this.#content,
      version: head.minor === 0 ? "1.0" : "1.1",
      peer,
      onInformation: (status, headers) => this.#inform(status, headers),
      notes: callNotes(),
    };
    const defect = (cause: unknown): void => this.#defect(cause, request);
    server.call(request, signal).then((result) => {
      try {
        if (isLeft(result)) defect(result.left);
        else this.#answer(request, result.right, defect);
      } catch (cause) {
        // A response that cannot be sent: an invalid status, a line feed in a field, a body that
        // was already read.
        defect(cause);
      }
    }, defect);
  }

  /** Answers without calling the stack, and ends the connection. */
  refuse(refusal: Refusal): void {
    this.#connection.server.refused(refusal, this.#connection.peer);
    this.#connection.endAfter(this);
    this.#send(text(refusalText(refusal), refusal.status), () => {});
  }

  arrived(chunk: Buffer): void {
    (this.hasContentToCome ? this.#content : this.body)?.arrived(chunk);
  }

  completed(trailers: HttpHeaders): void {
    if (this.hasContentToCome) this.#content?.completed(trailers);
    else {
      this.isComplete = true;
      this.body?.completed(trailers);
    }
    // The end of this body may wait for its reader; what follows need not.
    if (this.body !== undefined) this.#connection.socket.resume();
  }

  /** The client has ended its half of the connection, for which it wants a tunnel. */
  tunnelEnded(): void {
    const { socket, isLingering } = this.#connection;
    // A client that has sent nothing since its request, and ends its half before the tunnel is
    // open, has no use for one.
    if (this.isTunnel || this.body?.hasBegun) unlessReset(socket, () => this.completed(HttpHeaders.empty));
    else if (!isLingering) socket.destroy();
  }

  get hasContentToCome(): boolean {
    return this.#content !== undefined && !this.#content.hasEnded;
  }

  /** It is this exchange's turn to respond. */
  becomeCurrent(): void {
    this.out.becomeCurrent();
    if (this.out.hasRoom) this.#sink?.drained();
  }

  /** The client has taken what was written. */
  drained(): void {
    this.#sink?.drained();
  }

  /** The connection is closed. */
  closed(): void {
    this.#isGone = true;
    this.breakOffBody();
    this.#sink?.closed();
  }

  /** The rest of the body will not arrive. */
  breakOffBody(): void {
    if (this.isComplete) return;
    const cause = new Error("the connection was closed before the body's end");
    if (this.hasContentToCome) this.#content?.breakOff(cause);
    this.body?.breakOff(cause);
  }

  /** Discards what nobody reads. */
  discardUnread(): void {
    if (this.#content?.canRead) this.#content.cancel();
    if (this.body?.canRead) this.body.cancel();
  }

  bodyWanted(): void {
    if (!this.#awaitsContinue || this.out.headSent) return;
    this.#awaitsContinue = false;
    this.out.write("HTTP/1.1 100 Continue\r\n\r\n");
  }

  pause(): void {
    if (!this.isComplete) this.#connection.socket.pause();
  }

  resume(): void {
    this.#connection.socket.resume();
  }

  bodyDropped(): void {
    const { socket, isLingering } = this.#connection;
    if (this.isComplete) return;
    if (this.isTunnel && socket.writableFinished) socket.destroy();
    // After the response, the rest of the body is read and discarded.
    else if (isLingering) socket.resume();
    else socket.pause();
  }

  #answer(request: HttpRequest, response: HttpResponse, defect: (cause: unknown) => void): void {
    if (!this.#canRespond) response.body.cancel();
    else if (this.wantsTunnel && opensTunnel(request, response.status)) this.#open(request, response);
    else this.#send(response, defect);
  }

  /** Opens the tunnel: from here on the connection's bytes are the bodies. */
  #open(request: HttpRequest, response: HttpResponse): void {
    const { socket } = this.#connection;
    this.out.writeHead(composeAcceptance(request, response), true);
    this.out.flushHead();
    this.isTunnel = true;
    const sink = new TunnelSink(socket, () => {
      if (this.body?.isCancelled) socket.destroy();
    });
    this.#sink = sink;
    sink.pipe(response.body);
  }

  /**
   * @param defect Called for a response that turns out to contradict its head after that was sent.
   * @throws When the response cannot be sent at all.
   */
  #send(response: HttpResponse, defect: (cause: unknown) => void): void {
    const { body } = response;
    const connection = this.#connection;
    const { out } = this;
    const whole = body.take();
    try {
      const known = whole?.length ?? body.length;
      const { date, backlog } = connection.server;
      const { text, framing, length, closes } = composeHead(
        response,
        this.head,
        known,
        whole !== undefined,
        date,
      );
      if (closes || this.wantsTunnel || !this.head.persists || connection.isLast(this))
        connection.endAfter(this);
      const persistence = connection.isLast(this) ? "close" : "keep-alive";
      const coding = framing === "chunked" ? "Transfer-Encoding: chunked\r\n" : "";
      out.writeHead(`${text}Connection: ${persistence}\r\n${coding}\r\n`, framing === "close");
      if (framing === "none" || whole !== undefined) {
        body.cancel();
        out.end(framing === "none" ? "" : whole);
        return;
      }
      const sink = new ResponseSink(out, framing === "chunked", length, backlog, defect);
      this.#sink = sink;
      sink.pipe(body);
      out.flushHead();
    } catch (cause) {
      body.cancel(cause);
      throw cause;
    }
  }

  get #canRespond(): boolean {
    return !this.#isGone && !this.out.isEnded && this.#connection.socket.writable;
  }

  #inform(status: number, headers: HttpHeaders): void {
    // The body sends 100: see `bodyWanted`. HTTP/1.0 has no 1xx, and no response follows 101.
    if (status <= 101 || status > 199 || this.head.minor === 0 || this.out.headSent || !this.#canRespond)
      return;
    this.out.write(composeInformation(status, headers));
  }

  #defect(cause: unknown, request: HttpRequest): void {
    this.#connection.server.defect(cause, request);
    if (this.out.headSent) this.out.cut();
    else if (this.#canRespond) this.#send(internalError(), () => {});
  }
}
