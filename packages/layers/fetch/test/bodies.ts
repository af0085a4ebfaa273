import { Body, type BodyFlow, type BodySink, bodyBroken, HttpHeaders } from "@pagoda/http";

/** A body fed by the test that records its reader's answers. */
export class ScriptedBody extends Body {
  readonly length = undefined;
  readonly answers: boolean[] = [];
  resumed = 0;
  cancelledWith: unknown[] = [];
  #sink: BodySink | undefined;

  get isPiped(): boolean {
    return this.#sink !== undefined;
  }

  pipe(sink: BodySink): BodyFlow {
    this.#sink = sink;
    return { resume: () => this.resumed++, cancel: (reason) => this.cancel(reason) };
  }

  cancel(reason?: unknown): void {
    this.cancelledWith.push(reason);
    this.ended(false);
  }

  write(text: string): void {
    this.answers.push((this.#sink as BodySink).write(Buffer.from(text)));
  }

  end(trailers = HttpHeaders.empty): void {
    this.ended(true, trailers);
    this.#sink?.end(trailers);
  }

  breakOff(): void {
    const fault = bodyBroken(new Error("reset"));
    this.ended(false, undefined, fault);
    this.#sink?.fail(fault);
  }
}
