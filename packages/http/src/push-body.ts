import { Body, type BodyBroken, type BodyFlow, type BodySink, type BodyWatcher, noFlow } from "./body.ts";
import { HttpHeaders } from "./headers.ts";

/** Bytes kept for a sink that is not there yet, or takes a break, before the source is asked to pause. */
const highWaterBytes = 65_536;

/**
 * A body whose source pushes: a socket's parser, a stream, an iterator. Subclasses feed it with `push`, `finish` and
 * `broken`, and are told to go on and to stop.
 *
 * Pieces pass straight from `push` to the sink; only what comes before there is a sink, or while it takes a break,
 * is kept.
 */
export abstract class PushBody extends Body {
  #kept: Uint8Array[] = [];
  #keptBytes = 0;
  #sink: BodySink | undefined;
  #state: "open" | "finished" | "broken" | "over" = "open";
  #fault: BodyBroken | undefined;
  #trailers: HttpHeaders = HttpHeaders.empty;
  /** The sink takes a break. */
  #blocked = false;
  /** The sink is taking a piece: what the source says meanwhile waits its turn. */
  #writing = false;
  /** The source was told to pause. */
  #paused = false;
  #watchers: BodyWatcher[] | undefined;
  /** What these were told last. */
  #toldWaits = false;

  /** Called when the body is first wanted. */
  protected started(): void {}
  /** Go on: `push` has answered `false`, and there is room again. */
  protected abstract goOn(): void;
  /** Stop: nobody wants the rest. */
  protected abstract stop(reason: unknown): void;

  /** A piece has come. `false`: pause until `goOn`. */
  protected push(chunk: Uint8Array): boolean {
    if (this.#state !== "open") return false;
    if (this.#sink !== undefined && !this.#blocked && !this.#writing && this.#kept.length === 0) {
      this.#write(this.#sink, chunk);
      // The sink may have cancelled, and the source gone on, while it took the piece.
      if (this.#kept.length > 0 || !this.open) this.#flush();
    } else {
      this.#kept.push(chunk);
      this.#keptBytes += chunk.length;
    }
    this.#paused = this.#blocked || this.#keptBytes >= highWaterBytes;
    if (this.#watchers !== undefined) this.#tell(this.waits);
    return this.open && !this.#paused;
  }

  /** All has come. */
  protected finish(trailers: HttpHeaders = HttpHeaders.empty): void {
    if (this.#state !== "open") return;
    this.#state = "finished";
    this.#trailers = trailers;
    this.#flush();
  }

  /** The rest will not come. What was kept is passed on before the sink hears of it, as without anybody in between. */
  protected broken(fault: BodyBroken): void {
    if (this.#state !== "open") return;
    this.#state = "broken";
    this.#fault = fault;
    // A reader that takes its time with the rest is no reason for those to wait who count.
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
      throw new TypeError("the body has been read already; make it replayable to read it again");
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
        // The reader goes on, even if what is kept blocks it again.
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
    const kept = this.#kept;
    this.#close(true);
    return kept.length === 1 ? kept[0] : Buffer.concat(kept);
  }

  override watch(watcher: BodyWatcher): void {
    (this.#watchers ??= []).push(watcher);
    // The others have been told what holds.
    this.#toldWaits = this.waits;
    if (this.#toldWaits) watcher(true);
  }

  /** Whether its reader wants more, and all that has come has gone to it. */
  get waits(): boolean {
    return this.#state === "open" && this.#sink !== undefined && !this.#blocked && this.#kept.length === 0;
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
    while (this.#kept.length > 0 && !this.#blocked) {
      const chunk = this.#kept.shift() as Uint8Array;
      this.#keptBytes -= chunk.length;
      this.#write(sink, chunk);
    }
    if (this.#over) return;
    if (this.#blocked && (this.#kept.length > 0 || this.#fault === undefined)) return;
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

  #write(sink: BodySink, chunk: Uint8Array): void {
    this.#writing = true;
    this.#blocked = !sink.write(chunk);
    this.#writing = false;
  }

  #close(complete: boolean): void {
    this.#state = "over";
    this.#kept = [];
    this.#keptBytes = 0;
    if (this.#watchers !== undefined) this.#tell(false);
    this.ended(complete, complete ? this.#trailers : undefined);
  }
}
