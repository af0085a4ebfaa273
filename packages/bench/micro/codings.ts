import * as zlib from "node:zlib";
import { type Coding, compress, supportedCodings } from "@pagoda/compress";
import { right, service } from "@pagoda/core";
import { decompress } from "@pagoda/decompress";
import { type Body, bodyFrom, bodyOf, type HttpRequest, httpRequest, httpResponse } from "@pagoda/http";
import type { Group, Subject } from "./subject.ts";

/** A list of users, as an API gives it. */
const users = Buffer.from(
  JSON.stringify(
    Array.from({ length: 600 }, (_, n) => ({
      id: n * 7_919,
      name: `user ${n}`,
      email: `u${(n * 31_337) % 9_999}@shop.example`,
      score: Math.sin(n),
    })),
  ),
);
const short = users.subarray(0, 4_096);
const long = users.subarray(0, 65_536);

const plain: Readonly<Record<Coding, (bytes: Uint8Array) => Uint8Array>> = {
  zstd: (bytes) => zlib.zstdCompressSync(bytes),
  br: (bytes) => zlib.brotliCompressSync(bytes),
  gzip: (bytes) => zlib.gzipSync(bytes),
};

/** A call through `compress`, and reading the response. */
function compressing(coding: Coding, what: string, body: () => Body): Subject {
  return {
    what: `compress ${what} with ${coding}`,
    prepare() {
      const headers = { "content-type": "application/json" };
      const origin = service("origin", async (_request: HttpRequest) =>
        right(httpResponse(200, body(), headers)),
      );
      const layered = compress()(origin);
      const request = httpRequest("http://shop.example/", { headers: { "accept-encoding": coding } });
      return { run: async () => read(await layered.call(request)) };
    },
  };
}

/** A call through `decompress`, and reading the response. */
function decompressing(coding: Coding): Subject {
  return {
    what: `decompress 64 KiB of JSON in ${coding}`,
    prepare() {
      const bytes = plain[coding](long);
      const headers = { "content-encoding": coding };
      const origin = service("origin", async (_request: HttpRequest) =>
        right(httpResponse(200, bodyOf(bytes), headers)),
      );
      const layered = decompress()(origin);
      const request = httpRequest("http://shop.example/");
      return { run: async () => read(await layered.call(request)) };
    },
  };
}

async function read(result: Awaited<ReturnType<ReturnType<typeof service>["call"]>>): Promise<unknown> {
  if (result._tag === "Left") throw new Error("the call failed");
  return (result.right as { readonly body: Body }).body.bytes();
}

/** Whole responses: the time is mostly that of `node:zlib`. */
export const codings: Group = {
  name: "codings",
  subjects: supportedCodings.flatMap((coding) => [
    compressing(coding, "4 KiB of JSON, which have arrived,", () => bodyOf(short)),
    compressing(coding, "64 KiB of JSON in 4 chunks", () =>
      bodyFrom([0, 1, 2, 3].map((n) => long.subarray(n * 16_384, (n + 1) * 16_384))),
    ),
    decompressing(coding),
  ]),
};
