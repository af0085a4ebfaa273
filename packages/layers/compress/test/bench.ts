import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import { type Fault, right, service } from "@pagoda/core";
import {
  type Body,
  bodyBroken,
  type BodyFlow,
  type BodySink,
  type HttpHeaders,
  httpRequest,
  type HttpRequest,
  type HttpResponse,
  httpResponse,
  PushBody,
} from "@pagoda/http";
import { type Coding, compress, type CompressOptions } from "@pagoda/compress";

export const codings: readonly Coding[] = ["zstd", "br", "gzip"];

export const decompressed: Readonly<Record<Coding, (bytes: Uint8Array) => Buffer>> = {
  zstd: zstdDecompressSync,
  br: brotliDecompressSync,
  gzip: gunzipSync,
};

/** Compressible, and longer than the default `minBytes`. */
export const long = "All work and no play makes Jack a dull boy. ".repeat(50);

export type Fields = Readonly<Record<string, string | readonly string[]>>;

export function get(headers: Fields = {}, method = "GET"): HttpRequest {
  return httpRequest("http://shop.example/", { method, headers });
}

export const page: Fields = { "content-type": "text/html; charset=utf-8" };

/** Calls an origin that gives a response through the layer. */
export async function through(
  request: HttpRequest,
  response: HttpResponse,
  options?: CompressOptions,
): Promise<HttpResponse> {
  const origin = service<HttpRequest, HttpResponse>("origin", async () => right(response));
  const result = await compress(options)(origin).call(request);
  if (result._tag === "Left") throw new Error("the layer has no errors");
  return result.right;
}

/** The response to a GET that accepts everything. */
export function compressed(
  body: Body | string | Uint8Array,
  headers: Fields = page,
  options?: CompressOptions,
): Promise<HttpResponse> {
  return through(get({ "accept-encoding": "gzip, br, zstd" }), httpResponse(200, body, headers), options);
}

/** A body that the test feeds. */
export class Source extends PushBody {
  readonly length: number | undefined;
  readonly events: string[] = [];
  #onGoOn = (): void => {};

  constructor(length?: number) {
    super();
    this.length = length;
  }

  give(chunk: string | Uint8Array): boolean {
    return this.push(typeof chunk === "string" ? Buffer.from(chunk) : chunk);
  }

  all(trailers?: HttpHeaders): void {
    this.finish(trailers);
  }

  break(cause: unknown): void {
    this.broken(bodyBroken(cause));
  }

  /** Resolves when the source may go on after a chunk, because the compressor has taken it. */
  async fed(chunk: string): Promise<void> {
    const onGoOn = new Promise<void>((resolve) => (this.#onGoOn = resolve));
    this.give(chunk);
    await onGoOn;
  }

  protected goOn(): void {
    this.events.push("go on");
    this.#onGoOn();
  }

  protected stop(reason: unknown): void {
    this.events.push(`stop ${String(reason)}`);
  }
}

/** Reads a body and awaits its chunks and its end. */
export class Reader implements BodySink {
  readonly chunks: Uint8Array[] = [];
  accepts = true;
  flow: BodyFlow | undefined;
  readonly ended: Promise<HttpHeaders | Fault>;
  #end: (how: HttpHeaders | Fault) => void = () => {};
  #more: (() => void) | undefined;

  constructor(body: Body) {
    this.ended = new Promise((resolve) => (this.#end = resolve));
    this.flow = body.pipe(this);
  }

  /** Resolves with everything so far, once a condition holds. */
  async until(isEnough: (all: Buffer) => boolean): Promise<Buffer> {
    for (;;) {
      const all = Buffer.concat(this.chunks);
      if (isEnough(all)) return all;
      await new Promise<void>((resolve) => (this.#more = resolve));
    }
  }

  write(chunk: Uint8Array): boolean {
    this.chunks.push(chunk);
    this.#more?.();
    return this.accepts;
  }

  end(trailers: HttpHeaders): void {
    this.#end(trailers);
  }

  fail(fault: Fault): void {
    this.#end(fault);
  }
}
