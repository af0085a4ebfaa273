import { Body, type BodyBroken, type BodyFlow, type BodySink, type BodyWatcher } from "@pagoda/http";

/** A body that breaks off with the first chunk that exceeds a limit. That chunk is not passed on. */
export class LimitedBody extends Body {
  readonly length = undefined;
  readonly #source: Body;
  readonly #maxBytes: number;
  readonly #fault: BodyBroken;
  readonly #onExceeded: () => void;

  /** @param onExceeded Runs before the sink's `fail`. */
  constructor(source: Body, maxBytes: number, fault: BodyBroken, onExceeded: () => void = () => {}) {
    super();
    this.#source = source;
    this.#maxBytes = maxBytes;
    this.#fault = fault;
    this.#onExceeded = onExceeded;
  }

  override get canRead(): boolean {
    return this.#source.canRead;
  }

  pipe(sink: BodySink): BodyFlow {
    const maxBytes = this.#maxBytes;
    let size = 0;
    let state = "open" as "open" | "exceeded" | "cancelled";
    let flow: BodyFlow | undefined;

    const exceeded = (): void => {
      state = "exceeded";
      this.ended(false, undefined, this.#fault);
      flow?.cancel();
      this.#onExceeded();
      // The sink may have cancelled, because its call was aborted.
      if (state === "exceeded") sink.fail(this.#fault);
    };
    const fits = (chunk: Uint8Array): boolean => {
      if (state !== "open") return false;
      size += chunk.length;
      if (size > maxBytes) exceeded();
      return size <= maxBytes;
    };

    flow = this.#source.pipe({
      write: (chunk) => fits(chunk) && sink.write(chunk),
      ...(sink.writeLent && {
        writeLent: (chunk, loan) => fits(chunk) && (sink.writeLent as Lent).call(sink, chunk, loan),
      }),
      end: (trailers) => {
        this.ended(true, trailers);
        sink.end(trailers);
      },
      fail: (fault) => {
        this.ended(false, undefined, fault);
        sink.fail(fault);
      },
    });
    // The first chunks may have exceeded the limit before there was a flow to cancel.
    if (state !== "open") flow.cancel();
    return {
      resume: () => flow.resume(),
      cancel: (reason) => {
        state = "cancelled";
        this.ended(false);
        flow.cancel(reason);
      },
    };
  }

  cancel(reason?: unknown): void {
    this.ended(false);
    this.#source.cancel(reason);
  }

  override watch(watcher: BodyWatcher): void {
    this.#source.watch(watcher);
  }
}

type Lent = NonNullable<BodySink["writeLent"]>;
