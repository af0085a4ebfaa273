import { HttpHeaders } from "@pagoda/http";
import {
  ChunkOverhead,
  isBodiless,
  isFramingField,
  maxTrailers,
  opensTunnel,
  readChunkSize,
  trailersOf,
} from "@pagoda/http/grammar";
import { Malformed } from "./malformed.ts";
import { bareLineFeed, parseHead, pushField, type ResponseHead } from "./response-head.ts";
import { tunnelHead, type TunnelTerms } from "./tunnel-head.ts";

/** Callbacks of a {@link ResponseReader}. */
export interface ResponseHandler {
  /** An informational response (1xx). */
  informed(head: ResponseHead): void;
  /** The head of the final response. `bodiless`: the response ends with it. */
  answered(head: ResponseHead, bodiless: boolean): void;
  /**
   * The head of a response that opens the requested tunnel. All further data belongs to the tunnel.
   */
  opened(head: ResponseHead): void;
  /** A part of the body: these bytes of what was read. */
  came(bytes: Buffer, from: number, to: number): void;
  /** The response is complete. `clean`: no data follows it. */
  completed(trailers: HttpHeaders, clean: boolean): void;
}

/** Maximum characters of a head including preceding 1xx responses, and of trailers. */
const maxHead = 61_440;
/** Maximum characters of a chunk-size line. */
const maxChunkLine = 4_096;
/** Common size of a head. This much is searched first, since a long body may follow. */
const usualHead = 4_096;
/** A bare line feed in an incomplete head. */
const hasBareLineFeed = /(?:^|[^\r])\n/;

/**
 * Parses HTTP/1.1 responses from the bytes of one connection, one per `expect`. Bytes arrive in
 * pieces of any size. States: idle, head, then by framing a body of known length, a body up to the
 * end of the connection, or size, data and line end of each chunk followed by the trailers; then
 * idle again.
 *
 * Unexpected or invalid bytes throw `Malformed`, and the connection must be closed.
 */
export class ResponseReader {
  readonly #handler: ResponseHandler;
  #state: "idle" | "head" | "sized" | "toEnd" | "chunkSize" | "chunkData" | "chunkEnd" | "trailers" = "idle";
  #method = "";
  #tunnel: TunnelTerms | undefined;
  /** Characters of preceding 1xx responses. */
  #informedSize = 0;
  /** The incomplete head or line so far. */
  #kept = "";
  /** Remaining bytes of the body or chunk. */
  #left = 0;
  #overhead = new ChunkOverhead();
  #trailers: string[] = [];
  #trailerSize = 0;

  constructor(handler: ResponseHandler) {
    this.#handler = handler;
  }

  /** Expects the response to a request of this method, which may open this tunnel. */
  expect(method: string, tunnel?: TunnelTerms): void {
    this.#method = method;
    this.#tunnel = tunnel;
    this.#state = "head";
    this.#informedSize = 0;
  }

  /**
   * Parses the first `length` bytes. The buffer may be reused afterwards.
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
          this.#handler.came(bytes, at, length);
          return;
        case "idle":
          throw new Malformed("unexpected-bytes", "unexpected bytes after the response");
        default:
          at = this.#readLine(bytes, at, length);
      }
      // `completed` may have sent the next request; the remaining bytes are not its response.
      if (at < 0) return;
    }
  }

  /** Whether the end of the connection ends the response. */
  get endsWithConnection(): boolean {
    return this.#state === "toEnd";
  }

  /** The connection was closed properly, and the response ends with it. */
  end(): void {
    this.#state = "idle";
    this.#handler.completed(HttpHeaders.empty, false);
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
      throw new Malformed("head-too-long", `response head exceeds ${maxHead} bytes`);
    if (end < 0) {
      if (!text.startsWith("HTTP/1.".slice(0, text.length)))
        throw new Malformed("not-http", "response does not start with an HTTP/1 status line");
      // Fail early: a head with a bare line feed may never reach the end that this parser looks
      // for.
      if (hasBareLineFeed.test(text)) throw bareLineFeed();
      this.#kept = text;
      return length;
    }
    this.#kept = "";
    const at = from + end + 4 - before;
    const head = before === 0 ? parseHead(text, end, bytes, from) : parseHead(text, end);
    const { status, framing } = head;
    const tunnel = this.#tunnel;
    if (tunnel !== undefined && opensTunnel({ method: this.#method, upgrade: tunnel.upgrade }, status)) {
      this.#state = "toEnd";
      this.#handler.opened(tunnelHead(head, tunnel));
      return at;
    }
    if (status < 200) {
      if (status === 101) throw new Malformed("unexpected-upgrade", "unexpected 101 response");
      this.#informedSize += end;
      this.#handler.informed(head);
      return at;
    }
    const bodiless = framing === 0 || isBodiless(this.#method, status);
    if (bodiless) this.#state = "idle";
    else if (framing === "chunked") {
      this.#state = "chunkSize";
      this.#overhead = new ChunkOverhead();
    } else if (framing === "close") this.#state = "toEnd";
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
      this.#handler.came(bytes, from, at);
      return at;
    }
    const last = this.#state === "sized";
    this.#state = last ? "idle" : "chunkEnd";
    this.#handler.came(bytes, from, at);
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
      throw new Malformed("line-too-long", `line in the response exceeds ${most} bytes`);
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
        if (line !== "") throw new Malformed("chunk-end", "chunk longer than its size");
        this.#state = "chunkSize";
        return at;
      case "chunkSize":
        this.#left = sizeOf(line);
        if (!this.#overhead.takes(line, this.#left))
          throw new Malformed("chunk-size", "chunk extensions in the response outweigh its data");
        this.#state = this.#left === 0 ? "trailers" : "chunkData";
        return at;
      default:
        return line === "" ? this.#endTrailers(last) : this.#addTrailer(line, at);
    }
  }

  #addTrailer(line: string, at: number): number {
    this.#trailerSize += line.length;
    if (this.#trailerSize > maxHead)
      throw new Malformed("trailers-too-long", `response trailers exceed ${maxHead} bytes`);
    // A parser that merges trailers into the head would misread where the next response starts (RFC
    // 9110, section 6.5.1).
    if (isFramingField(pushField(this.#trailers, line)))
      throw new Malformed("trailer-not-allowed", "framing field in the response trailers");
    return at;
  }

  #endTrailers(clean: boolean): number {
    const trailers = trailersOf(this.#trailers);
    if (trailers === undefined)
      throw new Malformed("trailers-too-long", `response has more than ${maxTrailers} trailers`);
    this.#state = "idle";
    this.#trailers = [];
    this.#trailerSize = 0;
    this.#handler.completed(trailers, clean);
    return -1;
  }
}

function sizeOf(line: string): number {
  const size = readChunkSize(line);
  if (size === undefined) throw new Malformed("chunk-size", "invalid chunk size in the response");
  return size;
}
