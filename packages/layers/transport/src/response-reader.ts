import { HttpHeaders, maxTrailers, trailersOf } from "@pagoda/http";
import { isFraming } from "./field-syntax.ts";
import { Malformed } from "./malformed.ts";
import { bareLineFeed, parseHead, pushField, type ResponseHead } from "./response-head.ts";
import { opensTunnel, tunnelHead, type TunnelTerms } from "./tunnel-head.ts";

/** Whom a reader tells what comes. */
export interface ResponseHandler {
  /** A response is on its way, with a status from 100 to 199. */
  informed(head: ResponseHead): void;
  /** The head is here. `bodiless`: the response ends with it. */
  answered(head: ResponseHead, bodiless: boolean): void;
  /** The head is here, and opens the tunnel that was asked for: what follows is the tunnel's, up to its end. */
  opened(head: ResponseHead): void;
  /** A piece of the body, a copy of its own. */
  came(piece: Buffer): void;
  /** The response is complete. `clean`: nothing follows it. */
  completed(trailers: HttpHeaders, clean: boolean): void;
}

/** Most characters of a head together with those of the 1xx responses before it, and of the trailers. */
const maxHead = 61_440;
/** Most characters of a line that begins a chunk. */
const maxChunkLine = 4_096;
/** What heads commonly fit in: so much is looked at first, since a long body may have come along. */
const usualHead = 4_096;
/** A line end that is not what HTTP has, in a head that has not come to its end. */
const hasBareLineFeed = /(?:^|[^\r])\n/;

/**
 * Reads HTTP/1.1 responses from the bytes of one connection, one for each `expect`. It is told bytes as they come, cut
 * anywhere, and goes through these states: idle, head, then by the head's framing a body of known length, one up to
 * the connection's end, or for each chunk its size, its data and the line end after it, and after the last chunk the
 * trailers; then idle again.
 *
 * Bytes that nobody asked for, and all that is not proper, are `Malformed`: the connection must be closed.
 */
export class ResponseReader {
  readonly #handler: ResponseHandler;
  #state: "idle" | "head" | "sized" | "toEnd" | "chunkSize" | "chunkData" | "chunkEnd" | "trailers" = "idle";
  #method = "";
  #tunnel: TunnelTerms | undefined;
  /** Characters of the 1xx responses that have come. */
  #informedSize = 0;
  /** What has come of a head or a line whose end has not. */
  #kept = "";
  /** Bytes still to come of the body, or of the chunk. */
  #left = 0;
  #trailers: string[] = [];
  #trailerSize = 0;

  constructor(handler: ResponseHandler) {
    this.#handler = handler;
  }

  /** A request of that method has been sent: the next bytes are its response, which may open that tunnel. */
  expect(method: string, tunnel?: TunnelTerms): void {
    this.#method = method;
    this.#tunnel = tunnel;
    this.#state = "head";
    this.#informedSize = 0;
  }

  /**
   * Takes the first `length` bytes; the memory may be used again afterwards.
   *
   * @throws Malformed
   */
  read(bytes: Buffer, length: number): void {
    let at = 0;
    while (at < length) {
      switch (this.#state) {
        case "head":
          at = this.#readHead(bytes, at, length);
          break;
        case "sized":
        case "chunkData":
          at = this.#readData(bytes, at, length);
          break;
        case "toEnd":
          this.#handler.came(copy(bytes, at, length));
          return;
        case "idle":
          throw new Malformed("unexpected-bytes", "bytes came that nobody had asked for");
        default:
          at = this.#readLine(bytes, at, length);
      }
      // Whoever was told that it is complete may have sent the next request: what is left here is not its response.
      if (at < 0) return;
    }
  }

  /** The connection has ended properly. True where that was the end of the response. */
  end(): boolean {
    if (this.#state !== "toEnd") return false;
    this.#state = "idle";
    this.#handler.completed(HttpHeaders.empty, false);
    return true;
  }

  #readHead(bytes: Buffer, from: number, length: number): number {
    const before = this.#kept.length;
    let text = this.#kept + bytes.toString("latin1", from, Math.min(length, from + usualHead));
    let end = text.indexOf("\r\n\r\n", Math.max(0, before - 3));
    if (end < 0 && from + usualHead < length) {
      text = this.#kept + bytes.toString("latin1", from, length);
      end = text.indexOf("\r\n\r\n", Math.max(0, before - 3));
    }
    const room = maxHead - this.#informedSize;
    if (end > room || (end < 0 && text.length > room))
      throw new Malformed("head-too-long", `the response's head is longer than ${maxHead} bytes`);
    if (end < 0) {
      if (!text.startsWith("HTTP/1.".slice(0, text.length)))
        throw new Malformed("not-http", "the response does not begin with an HTTP/1 status line");
      // Waiting for the end of a head that could not be taken would last as long as the origin says nothing more.
      if (hasBareLineFeed.test(text)) throw bareLineFeed();
      this.#kept = text;
      return length;
    }
    this.#kept = "";
    const at = from + end + 4 - before;
    const head = parseHead(text.slice(0, end));
    const { status, framing } = head;
    const tunnel = this.#tunnel;
    if (tunnel !== undefined && opensTunnel(tunnel, status)) {
      this.#state = "toEnd";
      this.#handler.opened(tunnelHead(head, tunnel));
      return at;
    }
    if (status < 200) {
      if (status === 101)
        throw new Malformed("unexpected-upgrade", "the origin changes to a protocol that nobody asked for");
      this.#informedSize += end;
      this.#handler.informed(head);
      return at;
    }
    const bodiless = framing === 0 || this.#method === "HEAD" || status === 204 || status === 304;
    if (bodiless) this.#state = "idle";
    else if (framing === "chunked") this.#state = "chunkSize";
    else if (framing === "close") this.#state = "toEnd";
    else {
      this.#state = "sized";
      this.#left = framing;
    }
    this.#handler.answered(head, bodiless);
    if (!bodiless) return at;
    this.#handler.completed(HttpHeaders.empty, at === length);
    return -1;
  }

  #readData(bytes: Buffer, from: number, length: number): number {
    const at = Math.min(length, from + this.#left);
    this.#left -= at - from;
    if (this.#left > 0) {
      this.#handler.came(copy(bytes, from, at));
      return at;
    }
    const last = this.#state === "sized";
    this.#state = last ? "idle" : "chunkEnd";
    this.#handler.came(copy(bytes, from, at));
    if (!last) return at;
    this.#handler.completed(HttpHeaders.empty, at === length);
    return -1;
  }

  #readLine(bytes: Buffer, from: number, length: number): number {
    const lf = bytes.indexOf(10, from);
    const at = lf < 0 || lf >= length ? length : lf + 1;
    const line = this.#kept + bytes.toString("latin1", from, at);
    const most = this.#state === "trailers" ? maxHead : maxChunkLine;
    if (line.length > most)
      throw new Malformed("line-too-long", `a line of the response is longer than ${most} bytes`);
    if (!line.endsWith("\n")) {
      this.#kept = line;
      return at;
    }
    this.#kept = "";
    if (!line.endsWith("\r\n")) throw bareLineFeed();
    return this.#takeLine(line.slice(0, -2), at, at === length);
  }

  #takeLine(line: string, at: number, last: boolean): number {
    switch (this.#state) {
      case "chunkEnd":
        if (line !== "") throw new Malformed("chunk-end", "a chunk is longer than its size says");
        this.#state = "chunkSize";
        return at;
      case "chunkSize":
        this.#left = sizeOf(line);
        this.#state = this.#left === 0 ? "trailers" : "chunkData";
        return at;
      default:
        return line === "" ? this.#endTrailers(last) : this.#addTrailer(line, at);
    }
  }

  #addTrailer(line: string, at: number): number {
    this.#trailerSize += line.length;
    if (this.#trailerSize > maxHead)
      throw new Malformed("trailers-too-long", `the response's trailers are longer than ${maxHead} bytes`);
    // Who takes trailers for fields of the head would read the next response elsewhere (RFC 9110, 6.5.1).
    if (isFraming(pushField(this.#trailers, line)))
      throw new Malformed("trailer-not-allowed", "the response's trailers say how long it is");
    return at;
  }

  #endTrailers(clean: boolean): number {
    const trailers = trailersOf(this.#trailers);
    if (trailers === undefined)
      throw new Malformed("trailers-too-long", `the response has more than ${maxTrailers} trailers`);
    this.#state = "idle";
    this.#trailers = [];
    this.#trailerSize = 0;
    this.#handler.completed(trailers, clean);
    return -1;
  }
}

/** A chunk's size. Extensions after it mean nothing to anybody, but must be proper. */
function sizeOf(line: string): number {
  const found = /^([\da-f]{1,13})(?:[ \t]*;[\t -~\u0080-\u00ff]*)?$/i.exec(line);
  if (found === null) throw new Malformed("chunk-size", "a chunk of the response has no proper size");
  return Number.parseInt(found[1] as string, 16);
}

function copy(bytes: Buffer, from: number, to: number): Buffer {
  const piece = Buffer.allocUnsafe(to - from);
  bytes.copy(piece, 0, from, to);
  return piece;
}
