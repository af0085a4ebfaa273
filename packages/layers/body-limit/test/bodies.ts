import { type BodyBroken, HttpHeaders, type Loan, PushBody } from "@pagoda/http";

/** A body of unknown length whose chunks a test pushes. */
export class Source extends PushBody {
  readonly length = undefined;
  paused = false;
  stopped = false;

  protected goOn(): void {
    this.paused = false;
  }

  protected stop(): void {
    this.stopped = true;
  }

  send(text: string, loan?: Loan): void {
    this.paused = !this.push(Buffer.from(text), loan);
  }

  complete(trailers: HttpHeaders = HttpHeaders.empty): void {
    this.finish(trailers);
  }

  breakOff(fault: BodyBroken): void {
    this.broken(fault);
  }
}

/** A sink that records what it receives. */
export function sink() {
  const received: string[] = [];
  const lent: string[] = [];
  const state: { end?: HttpHeaders; fault?: BodyBroken } = {};
  return {
    received,
    lent,
    state,
    accepts: true,
    write(chunk: Uint8Array): boolean {
      received.push(Buffer.from(chunk).toString());
      return this.accepts;
    },
    writeLent(chunk: Uint8Array): boolean {
      lent.push(Buffer.from(chunk).toString());
      return this.accepts;
    },
    end(trailers: HttpHeaders): void {
      state.end = trailers;
    },
    fail(fault: BodyBroken): void {
      state.fault = fault;
    },
  };
}
