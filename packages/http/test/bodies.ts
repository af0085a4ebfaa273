import {
  type Body,
  type BodyBroken,
  bodyBroken,
  type BodyFlow,
  type BodySink,
  type HttpHeaders,
  PushBody,
} from "@pagoda/http";

/** A source that does what the test says, and writes down what it is told. */
export class Source extends PushBody {
  length: number | undefined;
  readonly told: string[] = [];
  onStart = (): void => {};
  onGoOn = (): void => {};

  protected override started(): void {
    this.told.push("start");
    this.onStart();
  }

  protected goOn(): void {
    this.told.push("go on");
    this.onGoOn();
  }

  protected stop(reason: unknown): void {
    this.told.push(`stop ${String(reason)}`);
  }

  /** @returns What the source is told: `false` to pause. */
  give(...chunks: (string | Uint8Array)[]): boolean {
    let goOn = true;
    for (const chunk of chunks) goOn = this.push(typeof chunk === "string" ? Buffer.from(chunk) : chunk);
    return goOn;
  }

  end(trailers?: HttpHeaders): void {
    this.finish(trailers);
  }

  break(cause: unknown = new Error("gone")): void {
    this.broken(bodyBroken(cause));
  }
}

/** A sink that writes down what it gets, and answers as it is told. */
export class Sink implements BodySink {
  readonly chunks: Uint8Array[] = [];
  /** How it ended: `end` or `fail`, once for each time. */
  readonly ends: string[] = [];
  trailers: HttpHeaders | undefined;
  fault: BodyBroken | undefined;
  flow: BodyFlow | undefined;
  /** Whether it takes more, after so many pieces. */
  onWrite: (pieces: number, chunk: Uint8Array) => boolean = () => true;

  /** A sink into which the body flows. */
  static on(body: Body, onWrite?: (pieces: number, chunk: Uint8Array) => boolean): Sink {
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

/** What observers of a body have been told. */
export function observed(body: Body): boolean[] {
  const told: boolean[] = [];
  body.observe((complete) => told.push(complete));
  return told;
}

/** All pieces that iterating over a body gives. */
export async function piecesOf(body: Body): Promise<Uint8Array[]> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(piece);
  return pieces;
}
