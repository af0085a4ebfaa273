import { HttpHeaders, httpResponse, text } from "@pagoda/http";
import { describe, expect, test } from "vitest";
import { Source } from "../bodies.ts";
import { answerTo, ask, client } from "./http2-client.ts";
import { served } from "./served.ts";

describe("fields that Node's HTTP/2 rejects", () => {
  const twice = [
    "ETag",
    "a",
    "etag",
    "b",
    "Location",
    "/",
    "te",
    "gzip",
    "HTTP2-Settings",
    "x",
    "constructor",
    "1",
  ];

  test("are joined into one line or left out, in heads and trailers, so that a proxy does not fail on them", async () => {
    const server = await served(() => {
      const body = new Source();
      queueMicrotask(() => {
        body.write("yes");
        body.end(new HttpHeaders(twice));
      });
      return { ...httpResponse(200, body), headers: new HttpHeaders([...twice, "location", "/b"]) };
    });
    const { headers, trailers, body, code } = await ask(client(server), {});
    expect([headers[":status"], body, code]).toEqual([200, "yes", 0]);
    expect([headers["etag"], headers["location"]]).toEqual(["a, b", "/, /b"]);
    expect(headers).not.toHaveProperty("te");
    expect(headers).not.toHaveProperty("http2-settings");
    expect(Object.entries(trailers ?? {})).toEqual([
      ["etag", "a, b"],
      ["constructor", "1"],
    ]);
  });

  test("Set-Cookie is never joined", async () => {
    const cookies = ["set-cookie", "a=1", "set-cookie", "b=2"];
    const server = await served(() => ({
      ...text("yes"),
      headers: new HttpHeaders(["etag", "a", ...cookies, "etag", "b"]),
    }));
    const { headers } = await ask(client(server), {});
    expect([headers["etag"], headers["set-cookie"]]).toEqual(["a, b", ["a=1", "b=2"]]);
  });

  test("informational responses join repeated fields and are suppressed if a field is invalid", async () => {
    const server = await served(({ onInformation }) => {
      onInformation?.(103, new HttpHeaders(["link", "</a>", ...twice]));
      onInformation?.(103, new HttpHeaders([":status", "104"]));
      onInformation?.(103, new HttpHeaders(["link", "</b>\n"]));
      return text("yes");
    });
    const stream = client(server).request();
    const hints: unknown[] = [];
    stream.on("headers", ({ ":status": status, link, etag }) => hints.push([status, link, etag]));
    expect((await answerTo(stream)).body).toBe("yes");
    expect(hints).toEqual([[103, "</a>", "a, b"]]);
  });
});
