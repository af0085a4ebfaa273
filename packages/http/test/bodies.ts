import {
  type Body,
  type BodyBroken,
  bodyBroken,
  type BodyFlow,
  type BodySink,
  type HttpHeaders,
  PushBody,
} from "@pagoda/http";

/** A body fed by the test that records the calls it gets as a source. */
export class Source extends PushBody {
  length: number | undefined;
  readonly calls: string[] = [];
  onStart = (): void => {};
  onGoOn = (): void => {};

  protected override started(): void {
    this.calls.push("start");
    this.onStart();
  }

  protected goOn(): void {
    this.calls.push("go on");
    this.onGoOn();
  }

  protected stop(reason: unknown): void {
    this.calls.push(`stop ${String(reason)}`);
  }

  /** @returns `false` if the source must pause. */
  write(...chunks: (string | Uint8Array)[]): boolean {
    let goOn = true;
    for (const chunk of chunks) goOn = this.push(typeof chunk === "string" ? Buffer.from(chunk) : chunk);
    return goOn;
  }

  /**
   * Lends a chunk.
   *
   * @returns Whether it was kept.
   */
  lend(chunk: Uint8Array): boolean {
    let isKept = false;
    this.push(chunk, { keep: () => (isKept = true) });
    return isKept;
  }

  end(trailers?: HttpHeaders): void {
    this.finish(trailers);
  }

  break(cause: unknown = new Error("gone")): void {
    this.broken(bodyBroken(cause));
  }
}

/** A sink that records what it receives and returns what the test decides. */
export class Sink implements BodySink {
  readonly chunks: Uint8Array[] = [];
  /** How it ended: `end` or `fail`, once per call. */
  readonly ends: string[] = [];
  trailers: HttpHeaders | undefined;
  fault: BodyBroken | undefined;
  flow: BodyFlow | undefined;
  /** Whether it accepts more after `count` chunks. */
  onWrite: (count: number, chunk: Uint8Array) => boolean = () => true;

  /** Pipes the body into a new sink. */
  static on(body: Body, onWrite?: (count: number, chunk: Uint8Array) => boolean): Sink {
    const sink = new Sink();
    if (onWrite !== undefined) sink.onWrite = onWrite;
    sink.flow = body.pipe(sink);
    return sink;
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString();
  }

  write(chunk: Uint8Array): boolean {
    this.chunks.push(chunk);
    return this.onWrite(this.chunks.length, chunk);
  }

  end(trailers: HttpHeaders): void {
    this.ends.push("end");
    this.trailers = trailers;
  }

  fail(fault: BodyBroken): void {
    this.ends.push("fail");
    this.fault = fault;
  }
}

/** What an observer of the body is called with. */
export function observed(body: Body): boolean[] {
  const calls: boolean[] = [];
  body.observe((complete) => calls.push(complete));
  return calls;
}

/** All chunks that iterating over the body yields. */
export async function chunksOf(body: Body): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return chunks;
}
