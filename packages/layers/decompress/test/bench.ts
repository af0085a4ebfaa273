import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { right, service } from "@pagoda/core";
import {
  type Body,
  bodyBroken,
  httpRequest,
  type HttpHeaders,
  type HttpRequest,
  type HttpResponse,
  httpResponse,
  PushBody,
} from "@pagoda/http";
import { type Coding, decompress, type DecompressOptions, supportedCodings } from "@pagoda/decompress";

const all: readonly (readonly [name: string, coding: Coding, how: (bytes: Uint8Array) => Buffer])[] = [
  ["zstd", "zstd", (bytes) => zstdCompressSync(bytes)],
  ["br", "br", (bytes) => brotliCompressSync(bytes)],
  ["gzip", "gzip", (bytes) => gzipSync(bytes)],
  ["x-gzip", "gzip", (bytes) => gzipSync(bytes)],
  ["deflate", "deflate", (bytes) => deflateSync(bytes)],
  ["Deflate", "deflate", (bytes) => deflateRawSync(bytes)],
];

/** What each value of `Content-Encoding` may stand for. */
export const compressions = all.filter(([, coding]) => supportedCodings.includes(coding));

/** Of requests that have none. */
export const acceptEncoding = supportedCodings.filter((coding) => coding !== "deflate").join(", ");

export type Fields = Readonly<Record<string, string | readonly string[]>>;

export function get(headers: Fields = {}, method = "GET"): HttpRequest {
  return httpRequest("http://shop.example/", { method, headers });
}

/** Calls an origin that gives a response through the layer. */
export async function through(
  response: HttpResponse,
  options?: DecompressOptions,
  request: HttpRequest = get(),
): Promise<HttpResponse> {
  const origin = service<HttpRequest, HttpResponse>("origin", async () => right(response));
  const result = await decompress(options)(origin).call(request);
  if (result._tag === "Left") throw new Error("the layer has no errors");
  return result.right;
}

export function encoded(body: Body | Uint8Array, coding: string | readonly string[]): HttpResponse {
  return httpResponse(200, body, { "content-type": "text/plain", "content-encoding": coding });
}

/** A body that the test feeds. */
export class Source extends PushBody {
  readonly length = undefined;
  readonly events: string[] = [];

  give(chunk: Uint8Array): boolean {
    return this.push(chunk);
  }

  all(trailers?: HttpHeaders): void {
    this.finish(trailers);
  }

  break(cause: unknown): void {
    this.broken(bodyBroken(cause));
  }

  protected goOn(): void {
    this.events.push("go on");
  }

  protected stop(): void {
    this.events.push("stop");
  }
}
