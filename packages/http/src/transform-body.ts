import type { Transform } from "node:stream";
import { type Body, type BodyBroken, bodyBroken, type BodyFlow, noFlow } from "./body.ts";
import { HttpHeaders } from "./headers.ts";
import { PushBody } from "./push-body.ts";

/**
 * A body whose bytes pass through a Node transform stream, such as those of `node:zlib`. Trailers
 * pass unchanged. Nothing is read and no stream is opened before the body is read.
 *
 * The stream has one chunk at a time; meanwhile the source buffers or pauses. It pauses itself while
 * its output is not read. Once the body has ended, broken off or been cancelled, it is destroyed.
 */
export abstract class TransformBody extends PushBody {
  readonly length = undefined;
  readonly #source: Body;
  #flow: BodyFlow = noFlow;
  #stream: Transform | undefined;
  #trailers: HttpHeaders = HttpHeaders.empty;
  #isStopped = false;
  /** The chunk that the stream has not taken yet. */
  #chunk: Uint8Array | undefined;
  /** Bytes that the stream was given before the chunk. */
  #offset = 0;
  #isDiscarding = false;
  /** The source has ended. */
  #isAtEnd = false;

  constructor(source: Body) {
    super();
    this.#source = source;
  }

  /**
   * Opens the stream.
   *
   * @param first The first bytes; none if the source is empty. Then `undefined` leaves the body
   * empty.
   */
  protected abstract openStream(first: Uint8Array): Transform | undefined;

  /**
   * The stream has ended by itself, as decompressors do at the end of their format. Returns the rest
   * of the source's last chunk to open another stream with it. Without it, everything up to the end
   * of the source is discarded.
   *
   * @param _offset Bytes that the stream was given before the chunk.
   */
  protected restOf(_chunk: Uint8Array, _offset: number): Uint8Array | undefined {
    return undefined;
  }

  /** The stream has taken all that has arrived, and more may come. */
  protected idle(_stream: Transform): void {}

  /** The stream gives bytes. A fault breaks the body off instead. */
  protected given(_bytes: number): BodyBroken | undefined {
    return undefined;
  }

  /** Returns the fault of a stream that fails. */
  protected failed(cause: unknown): BodyBroken {
    return bodyBroken(cause);
  }

  override get canRead(): boolean {
    return super.canRead && this.#source.canRead;
  }

  protected override started(): void {
    this.#flow = this.#source.pipe({
      write: (chunk) => chunk.length === 0 || this.#write(chunk),
      end: (trailers) => this.#end(trailers),
      fail: (fault) => {
        this.#isStopped = true;
        this.#stream?.destroy();
        this.broken(fault);
      },
    });
  }

  protected goOn(): void {
    this.#stream?.resume();
  }

  protected stop(reason: unknown): void {
    this.#isStopped = true;
    // Also if the first chunk stops it, before there is a flow.
    if (this.#flow === noFlow) this.#source.cancel(reason);
    else this.#flow.cancel(reason);
    this.#stream?.destroy();
  }

  /** Returns false: the source pauses until the stream has taken the chunk. */
  #write(chunk: Uint8Array): boolean {
    if (this.#isStopped) return false;
    if (this.#isDiscarding) return true;
    const stream = (this.#stream ??= this.#opened(chunk));
    if (stream === undefined) return false;
    this.#chunk = chunk;
    stream.write(chunk, (error) => {
      // An error is reported as an event, too. A stream that is destroyed after its end also calls.
      if (!error && !this.#isStopped && this.#chunk === chunk) this.#took(chunk, stream);
    });
    return false;
  }

  #took(chunk: Uint8Array, stream: Transform): void {
    this.#offset += chunk.length;
    this.#chunk = undefined;
    if (this.#isAtEnd) {
      stream.end();
      return;
    }
    this.#flow.resume();
    // Unless the source has delivered another chunk, or its end, in the meantime.
    if (this.#chunk === undefined && !this.#isAtEnd && !this.#isStopped) this.idle(stream);
  }

  #end(trailers: HttpHeaders): void {
    if (this.#isStopped) return;
    this.#isAtEnd = true;
    this.#trailers = trailers;
    if (this.#chunk !== undefined) return;
    const stream = this.#isDiscarding ? undefined : (this.#stream ??= this.#opened(nothing));
    if (stream !== undefined) stream.end();
    else if (!this.#isStopped) this.finish(trailers);
  }

  #opened(first: Uint8Array): Transform | undefined {
    try {
      return this.openStream(first)
        ?.on("data", (bytes: Uint8Array) => this.#give(bytes))
        .on("end", () => this.#ended())
        .on("error", (cause) => this.#break(this.failed(cause)));
    } catch (cause) {
      this.#break(this.failed(cause));
      return undefined;
    }
  }

  #ended(): void {
    if (this.#isStopped) return;
    const chunk = this.#chunk;
    const rest = chunk && this.restOf(chunk, this.#offset);
    this.#chunk = undefined;
    this.#stream?.destroy();
    if (rest !== undefined) {
      this.#stream = undefined;
      this.#offset = 0;
      this.#write(rest);
    } else if (this.#isAtEnd) this.finish(this.#trailers);
    else {
      this.#isDiscarding = true;
      this.#flow.resume();
    }
  }

  #give(bytes: Uint8Array): void {
    if (this.#isStopped) return;
    const fault = this.given(bytes.length);
    if (fault !== undefined) this.#break(fault);
    else if (!this.push(bytes)) this.#stream?.pause();
  }

  #break(fault: BodyBroken): void {
    if (this.#isStopped) return;
    this.stop(fault);
    this.broken(fault);
  }
}

const nothing = new Uint8Array(0);
