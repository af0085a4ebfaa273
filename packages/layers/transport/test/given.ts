import { bodyBroken, type HttpHeaders, PushBody } from "@pagoda/http";

/** A body that the test gives piece by piece, and that says what its reader wants. */
export class Given extends PushBody {
  readonly length: number | undefined;
  /** How often its reader had enough for now. */
  pauses = 0;
  begun = false;
  #wanted = Promise.withResolvers<void>();
  #stopped = Promise.withResolvers<void>();

  constructor(length?: number) {
    super();
    this.length = length;
  }

  /** It is cancelled. */
  get stopped(): Promise<void> {
    return this.#stopped.promise;
  }

  /** Gives a piece, and waits until more is wanted. */
  async give(piece: string | Uint8Array): Promise<void> {
    this.#wanted = Promise.withResolvers();
    if (this.push(typeof piece === "string" ? Buffer.from(piece) : piece)) return;
    this.pauses++;
    await this.#wanted.promise;
  }

  all(trailers?: HttpHeaders): void {
    this.finish(trailers);
  }

  break(): void {
    this.broken(bodyBroken(new Error("the client has gone")));
  }

  protected override started(): void {
    this.begun = true;
  }

  protected goOn(): void {
    this.#wanted.resolve();
  }

  protected stop(): void {
    this.#stopped.resolve();
    this.#wanted.resolve();
  }
}
