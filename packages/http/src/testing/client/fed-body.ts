import { bodyBroken } from "../../body-flow.ts";
import type { HttpHeaders } from "../../headers.ts";
import { PushBody } from "../../push-body.ts";

/** A request body that a rule feeds. */
export class FedBody extends PushBody {
  readonly length: number | undefined;
  hasBegun = false;
  /** How often its reader paused. */
  pauses = 0;
  #wanted = Promise.withResolvers<void>();
  #stopped = Promise.withResolvers<void>();

  constructor(length?: number) {
    super();
    this.length = length;
  }

  /** Resolves when cancelled. */
  get stopped(): Promise<void> {
    return this.#stopped.promise;
  }

  /** Pushes a chunk and waits until the reader accepts more. */
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
    this.broken(bodyBroken(new Error("the client closed the request")));
  }

  protected override started(): void {
    this.hasBegun = true;
  }

  protected goOn(): void {
    this.#wanted.resolve();
  }

  protected stop(): void {
    this.#stopped.resolve();
    this.#wanted.resolve();
  }
}
