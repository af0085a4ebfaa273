import { gzipSync } from "node:zlib";
import { client, type ClientOptions } from "@pagoda/client";
import { right } from "@pagoda/core";
import { httpResponse } from "@pagoda/http";
import { describe, expect, test } from "vitest";
import { answering } from "./given.ts";

/** A client of a server whose response has this content, said to be gzip, if gzip is accepted. */
function serving(content: Uint8Array, options: ClientOptions = {}) {
  const origin = { asked: 0 };
  const api = client({
    baseUrl: "http://shop.example",
    random: () => 0,
    connect: () =>
      answering(({ headers }) => {
        origin.asked++;
        if (headers.get("accept-encoding")?.includes("gzip") !== true) return httpResponse(200, "plain");
        return httpResponse(200, content, { "content-encoding": "gzip" });
      }),
    ...options,
  });
  return { api, origin };
}

describe("a compressed response", () => {
  test("is asked for and decompressed", async () => {
    const { api } = serving(gzipSync("packed"));
    expect(await api.get("/").text()).toEqual(right("packed"));
    expect(await (await api.fetch("/")).text()).toBe("packed");
  });

  test("has its maximum after decompression", async () => {
    const { api } = serving(gzipSync("x".repeat(1_000)), { maxBytes: 999 });
    expect(await api.get("/").text()).toMatchObject({ left: { _tag: "BodyTooLarge", maxBytes: 999 } });
  });

  test("is not asked for if that is turned off", async () => {
    const { api } = serving(gzipSync("packed"), { decompress: false });
    expect(await api.get("/").text()).toEqual(right("plain"));
  });

  test("that cannot be decoded breaks off, and is not asked for again", async () => {
    const { api, origin } = serving(Buffer.from("not gzip"));
    expect(await api.get("/").text()).toMatchObject({
      left: { _tag: "BodyBroken", retryable: false, cause: { _tag: "Undecodable" } },
    });
    expect(origin.asked).toBe(1);
  });

  test("that is a bomb is not asked for again", async () => {
    const { api, origin } = serving(gzipSync(Buffer.alloc(2_000_000)), {
      maxBytes: Infinity,
      decompress: { maxRatio: 10 },
    });
    expect(await api.get("/").text()).toMatchObject({
      left: { _tag: "BodyBroken", cause: { _tag: "DecompressedTooLarge" } },
    });
    expect(origin.asked).toBe(1);
  });
});
