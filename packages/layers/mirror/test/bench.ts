import { type Aborted, type Fault, service, type Service } from "@pagoda/core";
import {
  type Body,
  bodyBroken,
  type BodyFlow,
  type BodySink,
  type HttpHeaders,
  type HttpRequest,
  httpRequest,
  type HttpResponse,
  PushBody,
} from "@pagoda/http";
import { mockService, virtualClock } from "@pagoda/core/testing";
import { mirror, type MirrorOptions } from "@pagoda/mirror";

export const get: HttpRequest = httpRequest("http://shop.example/cart?page=2");
export const down: Fault<"Down"> = { _tag: "Down", origin: "upstream", retryable: true };

export function post(body: Body): HttpRequest {
  return httpRequest("http://shop.example/cart", { method: "POST", body });
}

/** A layer between two scripted services, and its events. */
export function bench(options: Partial<MirrorOptions> = {}) {
  const clock = virtualClock();
  const real = mockService<HttpRequest, HttpResponse, Fault>("real");
  const shadow = mockService<HttpRequest, HttpResponse, Fault>("shadow");
  const events: unknown[] = [];
  const observer = {
    sent: () => events.push("sent"),
    answered: ({ status }: HttpResponse, ms: number) => events.push(["answered", status, ms]),
    failed: (error: unknown, ms: number, isTimeout: boolean) => events.push(["failed", error, ms, isTimeout]),
    skipped: (reason: string) => events.push(["skipped", reason]),
  };
  const layered = mirror({ to: shadow.service, clock, observer, ...options })(real.service);
  /** State in its description. */
  const state = () => layered.describe().state ?? {};
  const skipped = (): Readonly<Record<string, number>> => {
    const all = Object.entries(state()["skipped"] as Record<string, number>);
    return Object.fromEntries(all.filter(([, count]) => count > 0));
  };
  return { clock, real, shadow, layered, events, state, skipped };
}

/** A body that the test feeds, and a log of calls to it. */
export class Source extends PushBody {
  readonly length: number | undefined;
  readonly events: string[] = [];

  constructor(length?: number) {
    super();
    this.length = length;
  }

  give(...pieces: (string | Uint8Array)[]): boolean {
    let goOn = true;
    for (const piece of pieces) goOn = this.push(typeof piece === "string" ? Buffer.from(piece) : piece);
    return goOn;
  }

  all(trailers?: HttpHeaders): this {
    this.finish(trailers);
    return this;
  }

  break(): void {
    this.broken(bodyBroken());
  }

  protected goOn(): void {
    this.events.push("go on");
  }

  protected stop(reason: unknown): void {
    this.events.push(`stop ${String(reason)}`);
  }
}

/** Reads a body and keeps the bytes. */
export class Sink implements BodySink {
  readonly pieces: string[] = [];
  ended: HttpHeaders | Fault | undefined;
  flow: BodyFlow | undefined;
  accepts = true;

  static on(body: Body): Sink {
    const sink = new Sink();
    sink.flow = body.pipe(sink);
    return sink;
  }

  write(chunk: Uint8Array): boolean {
    this.pieces.push(Buffer.from(chunk).toString());
    return this.accepts;
  }

  end(trailers: HttpHeaders): void {
    this.ended = trailers;
  }

  fail(fault: Fault): void {
    this.ended = fault;
  }
}

/** A shadow that calls a function, ready or not. */
export function shadowThat(
  call: Service<HttpRequest, HttpResponse, Fault | Aborted>["call"],
  ready?: () => undefined | Promise<void>,
): Service<HttpRequest, HttpResponse, Fault | Aborted> {
  // Not `service`, which turns throws into rejections.
  return { ...service("shadow", call, ready === undefined ? {} : { ready }), call };
}
