import {
  Body,
  type BodyBroken,
  type BodyFlow,
  type BodySink,
  type BodyWatcher,
  type Loan,
  noFlow,
} from "./body.ts";
import { concatBytes } from "./bytes.ts";
import { HttpHeaders } from "./headers.ts";

const nothing = new Uint8Array(0);

/** Bytes buffered for a missing or paused sink before the source is asked to pause. */
const highWaterBytes = 65_536;

/**
 * A body whose source pushes: a socket's parser, a stream, an iterator. Subclasses feed it with
 * `push`, `finish` and `broken`, and implement `goOn` and `stop`.
 *
 * Chunks pass directly from `push` to the sink. They are buffered only before there is a sink and
 * while it is paused.
 */
export abstract class PushBody extends Body {
  /** The first chunk that has not reached the sink. Most bodies never have another one. */
  #next: Uint8Array | undefined;
  /** The chunks after it. */
  #rest: Uint8Array[] | undefined;
  #keptBytes = 0;
  #sink: BodySink | undefined;
  #state: "open" | "finished" | "broken" | "over" = "open";
  #fault: BodyBroken | undefined;
  #trailers: HttpHeaders = HttpHeaders.empty;
  /** The sink is paused. */
  #blocked = false;
  /** The sink is handling a chunk: whatever the source pushes meanwhile is queued. */
  #writing = false;
  /** The source was told to pause. */
  #paused = false;
  #watchers: BodyWatcher[] | undefined;
  /** What the watchers were told last. */
  #toldWaits = false;

  /** Called when the body is first read. */
  protected started(): void {}
  /** Resumes the source: `push` has returned `false`, and there is room again. */
  protected abstract goOn(): void;
  /** Stops the source: the rest is not wanted. */
  protected abstract stop(reason: unknown): void;

  /**
   * Accepts a chunk. Returns `false` if the source must pause until `goOn`.
   *
   * @param loan If given, the source uses the chunk's memory again unless it is told to keep it.
   */
  protected push(chunk: Uint8Array, loan?: Loan): boolean {
    if (this.#state !== "open") return false;
    if (this.#sink !== undefined && !this.#blocked && !this.#writing && this.#next === undefined) {
      this.#write(this.#sink, chunk, loan);
      // The sink may have cancelled, and the source continued, while it handled the chunk.
      if (this.#next !== undefined || !this.open) this.#flush();
    } else {
      loan?.keep();
      if (this.#next === undefined) this.#next = chunk;
      else (this.#rest ??= []).push(chunk);
      this.#keptBytes += chunk.length;
    }
    this.#paused = this.#blocked || this.#keptBytes >= highWaterBytes;
    if (this.#watchers !== undefined) this.#tell(this.waits);
    return this.open && !this.#paused;
  }

  /** Completes the body. */
  protected finish(trailers: HttpHeaders = HttpHeaders.empty): void {
    if (this.#state !== "open") return;
    this.#state = "finished";
    this.#trailers = trailers;
    this.#flush();
  }

  /** Breaks the body off. Buffered chunks reach the sink before the fault does. */
  protected broken(fault: BodyBroken): void {
    if (this.#state !== "open") return;
    this.#state = "broken";
    this.#fault = fault;
    // Observers need not wait for a slow reader of the buffered rest.
    this.ended(false, undefined, fault);
    this.#flush();
  }

  override get canRead(): boolean {
    return this.#sink === undefined && this.#fault === undefined && !this.#over;
  }

  override get isWhole(): boolean {
    return this.#state === "finished";
  }

  pipe(sink: BodySink): BodyFlow {
    if (this.#sink !== undefined || this.#state === "over") {
      throw new TypeError("the body has already been read; use ReplayBody to read it again");
    }
    this.#sink = sink;
    this.started();
    this.#flush();
    if (this.#watchers !== undefined) this.#tell(this.waits);
    if (this.#over) return noFlow;
    return {
      resume: () => {
        if (!this.#blocked) return;
        this.#blocked = false;
        if (this.#watchers === undefined) return this.#flush();
        // The reader has resumed, even if the buffered chunks pause it again.
        this.#tell(true);
        this.#flush();
        this.#tell(this.waits);
      },
      cancel: (reason) => this.cancel(reason),
    };
  }

  cancel(reason?: unknown): void {
    if (this.#state === "over") return;
    const { open } = this;
    this.#close(false);
    if (open) this.stop(reason);
  }

  override take(): Uint8Array | undefined {
    if (this.#state !== "finished" || this.#sink !== undefined || this.#trailers.size > 0) return undefined;
    const next = this.#next ?? nothing;
    const rest = this.#rest;
    this.#close(true);
    return rest === undefined || rest.length === 0 ? next : concatBytes([next, ...rest]);
  }

  override watch(watcher: BodyWatcher): void {
    (this.#watchers ??= []).push(watcher);
    // The other watchers know the current state.
    this.#toldWaits = this.waits;
    if (this.#toldWaits) watcher(true);
  }

  /** Whether its reader wants more and has received everything that has arrived. */
  get waits(): boolean {
    return this.#state === "open" && this.#sink !== undefined && !this.#blocked && this.#next === undefined;
  }

  #tell(waits: boolean): void {
    if (waits === this.#toldWaits) return;
    this.#toldWaits = waits;
    for (const watcher of this.#watchers as BodyWatcher[]) watcher(waits);
  }

  /** More may come. */
  protected get open(): boolean {
    return this.#state === "open";
  }

  get #over(): boolean {
    return this.#state === "over";
  }

  #flush(): void {
    const sink = this.#sink;
    if (sink === undefined || this.#writing) return;
    for (let chunk = this.#next; chunk !== undefined && !this.#blocked; chunk = this.#next) {
      this.#next = this.#rest?.shift();
      this.#keptBytes -= chunk.length;
      this.#write(sink, chunk);
    }
    if (this.#over) return;
    if (this.#blocked && (this.#next !== undefined || this.#fault === undefined)) return;
    if (this.#fault !== undefined) {
      this.#close(false);
      sink.fail(this.#fault);
    } else if (this.#state === "finished") {
      const trailers = this.#trailers;
      this.#close(true);
      sink.end(trailers);
    } else if (this.#paused) {
      this.#paused = false;
      this.goOn();
    }
  }

  #write(sink: BodySink, chunk: Uint8Array, loan?: Loan): void {
    this.#writing = true;
    if (loan !== undefined && sink.writeLent !== undefined) this.#blocked = !sink.writeLent(chunk, loan);
    else {
      loan?.keep();
      this.#blocked = !sink.write(chunk);
    }
    this.#writing = false;
  }

  #close(complete: boolean): void {
    this.#state = "over";
    this.#next = undefined;
    this.#rest = undefined;
    this.#keptBytes = 0;
    if (this.#watchers !== undefined) this.#tell(false);
    this.ended(complete, complete ? this.#trailers : undefined);
  }
}
