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
import { decompress, type DecompressOptions } from "@pagoda/decompress";

/** What each value of `Content-Encoding` may stand for. */
export const compressions: readonly (readonly [coding: string, how: (bytes: Uint8Array) => Buffer])[] = [
  ["zstd", (bytes) => zstdCompressSync(bytes)],
  ["br", (bytes) => brotliCompressSync(bytes)],
  ["gzip", (bytes) => gzipSync(bytes)],
  ["x-gzip", (bytes) => gzipSync(bytes)],
  ["deflate", (bytes) => deflateSync(bytes)],
  ["Deflate", (bytes) => deflateRawSync(bytes)],
];

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
