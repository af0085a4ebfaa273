import { ChunkOverhead, readChunkSize } from "../../grammar/chunk-size.ts";
import { isFramingField } from "../../grammar/framing.ts";
import { readFieldLine } from "../../grammar/field-line.ts";
import { maxTrailers, trailersOf } from "../../grammar/trailers.ts";
import { HttpHeaders } from "../../headers.ts";
import { headerBytes, type Refusal, tooLong } from "../refusal.ts";
import { MalformedRequest } from "./malformed-request.ts";
import { parseHead, type RequestHead } from "./request-head.ts";

/** Callbacks of a {@link RequestReader}. They must not throw. */
export interface RequestHandler {
  /** The head of a request. Returns whether everything behind the request belongs to a tunnel. */
  head(head: RequestHead): boolean;
  /** A head that is refused; nothing behind it is read. */
  refused(refusal: Refusal): void;
  /** A part of the body, or of a tunnel. Shares its memory with what was read. */
  data(chunk: Buffer): void;
  /** The request is complete, or the content of one that asks for a tunnel. */
  complete(trailers: HttpHeaders): void;
}

/** Common size of a head. This much is decoded first, since a long body may follow. */
const usualHead = 4_096;
/**
 * An incomplete head of this size is refused. Slightly more than a head may have, so that most are
 * refused for what they contain.
 */
const tooLongHead = headerBytes + usualHead + 1;
/** Maximum characters of a chunk-size line. */
const maxChunkLine = 4_096;
/** What a head begins with: at least a part of a method. */
const begunHead = /^(?:\r|[!#$%&'*+\-.^_`|~\dA-Z]+(?: |$))/;
/**
 * A line terminator other than CRLF. The text may end with half a CRLF, and may begin with the second
 * half of one.
 */
const bareTerminator = /[^\r]\n|\r(?!\n|$)/;

/**
 * Parses HTTP/1.1 requests from the bytes of one connection, which arrive in pieces of any size.
 * States: head, then by framing a body of known length, or size, data and line end of each chunk
 * followed by the trailers; then head again, or `closed` after the client's last request. A tunnel
 * has no end. `stopped` drops everything.
 */
export class RequestReader {
  /** Number of heads read: distinguishes one incomplete head from the next. */
  heads = 0;
  /** Bytes dropped since reading stopped. */
  dropped = 0;
  readonly #handler: RequestHandler;
  #state:
    | "head"
    | "sized"
    | "chunkSize"
    | "chunkData"
    | "chunkEnd"
    | "trailers"
    | "tunnel"
    | "closed"
    | "stopped" = "head";
  /** The incomplete head or line so far. */
  #kept = "";
  /** Remaining bytes of the body or chunk. */
  #left = 0;
  #overhead = new ChunkOverhead();
  /** What follows the current request. */
  #next: "head" | "closed" | "stopped" | "tunnel" = "head";
  #trailers: string[] = [];
  #trailerBytes = 0;

  constructor(handler: RequestHandler) {
    this.#handler = handler;
  }

  /** Whether a head has begun to arrive. */
  get isMidHead(): boolean {
    return this.#state === "head" && this.#kept !== "";
  }

  /** Reads no further request: drops what follows the current one. */
  stop(): void {
    if (this.#state === "head" || this.#state === "closed") this.#state = "stopped";
    else this.#next = "stopped";
  }

  /** @throws MalformedRequest. Nothing can be read afterwards. */
  read(bytes: Buffer): void {
    const { length } = bytes;
    let at = 0;
    try {
      while (at < length) {
        switch (this.#state) {
          case "head":
            at = this.#readHead(bytes, at);
            break;
          case "sized":
          case "chunkData":
            at = this.#readData(bytes, at);
            break;
          case "tunnel":
            this.#handler.data(at === 0 ? bytes : bytes.subarray(at));
            return;
          case "stopped":
            this.dropped += length - at;
            return;
          case "closed":
            this.#checkBlank(bytes, at);
            return;
          default:
            at = this.#readLine(bytes, at);
        }
      }
    } catch (error) {
      this.#state = "stopped";
      throw error;
    }
  }

  #readHead(bytes: Buffer, from: number): number {
    let at = from;
    // RFC 9112, 2.2: empty lines before a request are ignored.
    if (this.#kept === "") while (bytes[at] === 0x0d && bytes[at + 1] === 0x0a) at += 2;
    else if (this.#kept === "\r" && bytes[at] === 0x0a) {
      this.#kept = "";
      return at + 1;
    }
    if (at === bytes.length) return at;
    const before = this.#kept;
    const most = Math.min(usualHead, tooLongHead - before.length);
    const text = bytes.toString("latin1", at, Math.min(bytes.length, at + most));
    const end = endOfHead(before, text);
    if (end < 0) return this.#keepHead(before, text, at);
    this.#kept = "";
    if (before === "") this.#takeHead(text.slice(0, end - 2), bytes, at);
    else this.#takeHead((before + text.slice(0, end)).slice(0, -2));
    return at + end;
  }

  /** Keeps an incomplete head, unless it is certain that it cannot become one. */
  #keepHead(before: string, text: string, at: number): number {
    const kept = before + text;
    if (kept.length === tooLongHead) {
      const lineEnd = kept.indexOf("\r\n");
      throw new MalformedRequest(tooLong(lineEnd < 0 || lineEnd > headerBytes / 2));
    }
    if (!begunHead.test(kept) || bareTerminator.test(before.slice(-1) + text)) throw new MalformedRequest();
    this.#kept = kept;
    return at + text.length;
  }

  #takeHead(text: string, bytes?: Buffer, from?: number): void {
    this.heads++;
    const head = parseHead(text, bytes, from);
    if ("status" in head) {
      this.#state = "stopped";
      this.#handler.refused(head);
      return;
    }
    const { length } = head;
    this.#next = head.persists ? "head" : "closed";
    // The handler may stop the reader, which then still reads this request.
    this.#state = "sized";
    if (this.#handler.head(head)) this.#next = "tunnel";
    if (length === undefined) {
      this.#state = "chunkSize";
      this.#overhead = new ChunkOverhead();
    } else if (length > 0) this.#left = length;
    else if (this.#next === "tunnel") this.#state = "tunnel";
    else this.#complete(HttpHeaders.empty);
  }

  #readData(bytes: Buffer, from: number): number {
    const at = Math.min(bytes.length, from + this.#left);
    this.#left -= at - from;
    this.#handler.data(from === 0 && at === bytes.length ? bytes : bytes.subarray(from, at));
    if (this.#left > 0) return at;
    if (this.#state === "sized") this.#complete(HttpHeaders.empty);
    else this.#state = "chunkEnd";
    return at;
  }

  #readLine(bytes: Buffer, from: number): number {
    const lf = bytes.indexOf(0x0a, from);
    const at = lf < 0 ? bytes.length : lf + 1;
    const line = this.#kept + bytes.toString("latin1", from, at);
    if (this.#state === "trailers") {
      if (line.length + this.#trailerBytes > headerBytes) throw new MalformedRequest(tooLong(false));
    } else if (line.length > maxChunkLine) throw new MalformedRequest();
    else if (this.#state === "chunkEnd" && !"\r\n".startsWith(line)) throw new MalformedRequest();
    if (lf < 0) {
      this.#kept = line;
      return at;
    }
    this.#kept = "";
    if (!line.endsWith("\r\n")) throw new MalformedRequest();
    this.#takeLine(line.slice(0, -2));
    return at;
  }

  #takeLine(line: string): void {
    switch (this.#state) {
      case "chunkEnd":
        if (line !== "") throw new MalformedRequest();
        this.#state = "chunkSize";
        return;
      case "chunkSize": {
        const size = readChunkSize(line);
        if (size === undefined || !this.#overhead.takes(line, size)) throw new MalformedRequest();
        this.#left = size;
        this.#state = size === 0 ? "trailers" : "chunkData";
        return;
      }
      default:
        if (line === "") this.#endTrailers();
        else this.#addTrailer(line);
    }
  }

  #addTrailer(line: string): void {
    this.#trailerBytes += line.length;
    const fault = readFieldLine(this.#trailers, line);
    // A parser that merges trailers into the head would misread where the next request starts (RFC
    // 9110, 6.5.1).
    if (fault !== undefined || isFramingField(this.#trailers.at(-2) as string)) throw new MalformedRequest();
  }

  #endTrailers(): void {
    const trailers = trailersOf(this.#trailers);
    this.#trailers = [];
    this.#trailerBytes = 0;
    if (trailers === undefined)
      throw new MalformedRequest({ status: 431, reason: `more than ${maxTrailers} trailers` });
    this.#complete(trailers);
  }

  #complete(trailers: HttpHeaders): void {
    this.#state = this.#next;
    this.#handler.complete(trailers);
  }

  /** Only empty lines may follow a client's last request. */
  #checkBlank(bytes: Buffer, from: number): void {
    for (let at = from; at < bytes.length; at++)
      if (bytes[at] !== 0x0d && bytes[at] !== 0x0a) throw new MalformedRequest();
  }
}

/** Returns the index in `text` behind the empty line that ends a head, or -1. */
function endOfHead(before: string, text: string): number {
  if (before !== "") {
    // The empty line may have begun in the part before.
    const seam = (before.slice(-3) + text.slice(0, 3)).indexOf("\r\n\r\n");
    if (seam >= 0) return seam + 4 - Math.min(before.length, 3);
  }
  const end = text.indexOf("\r\n\r\n");
  return end < 0 ? -1 : end + 4;
}
