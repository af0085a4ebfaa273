import type { HttpHeaders } from "@pagoda/http";
import { describe, expect, test } from "vitest";
import { bareOrigin, client, request, responseOf } from "./origin.ts";

/** Returns the response to these bytes of an origin. */
async function received(said: readonly string[], message = request(), ending = false) {
  const origin = await bareOrigin();
  const result = client(origin.url).call(message);
  const connection = await origin.next();
  await connection.head();
  connection.say(...said);
  if (ending) connection.socket.end();
  return responseOf(result);
}

describe("a response", () => {
  test("keeps the order, case and repetitions of its fields", async () => {
    const fields = ["Set-Cookie: a=1", "X-y: \xe9\xff", "set-cookie: b=2", "X-Empty:", "Content-Length: 0"];
    const message = request();
    const said = ["HTTP/1.1 299 Very well", ...fields, "", ""];
    const { status, statusText, headers } = await received(said, message);
    expect({ status, statusText }).toEqual({ status: 299, statusText: "Very well" });
    expect(headers.raw).toEqual([
      "Set-Cookie",
      "a=1",
      "X-y",
      "\xe9\xff",
      "set-cookie",
      "b=2",
      "X-Empty",
      "",
      "Content-Length",
      "0",
    ]);
    expect(message.notes.upstream).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  });

  test("fields split across packets are decoded", async () => {
    const origin = await bareOrigin();
    const result = client(origin.url).call(request());
    const connection = await origin.next();
    await connection.head();
    let informed = (): void => {};
    const first = new Promise<void>((resolve) => (informed = resolve));
    connection.socket.write("HTTP/1.1 200 OK\r\nX-One: 1\r\nX-Tw", () => informed());
    await first;
    connection.say("o: 2", "Content-Length: 0", "", "");
    expect((await responseOf(result)).headers.raw).toEqual([
      "X-One",
      "1",
      "X-Two",
      "2",
      "Content-Length",
      "0",
    ]);
  });

  test.each([
    ["HEAD", "200 OK", "12"],
    ["GET", "304 Not Modified", "12"],
    ["GET", "204 No Content", undefined],
  ])("a response to %s with %s has no body, whatever its length", async (method, status, length) => {
    const announced = length === undefined ? [] : [`Content-Length: ${length}`];
    const response = await received([`HTTP/1.1 ${status}`, ...announced, "", ""], request(method));
    expect(response.status).toBe(Number.parseInt(status));
    expect(response.headers.get("content-length")).toBe(length);
    expect(response.body.length).toBeUndefined();
    expect(await response.body.text()).toEqual({ _tag: "Right", right: "" });
  });

  test("a range passes through", async () => {
    const origin = await bareOrigin();
    const result = client(origin.url).call(request("GET", "/", { headers: { Range: "bytes=1-3" } }));
    const connection = await origin.next();
    expect(await connection.head()).toContain("Range: bytes=1-3\r\n");
    connection.say(
      "HTTP/1.1 206 Partial Content",
      "Content-Range: bytes 1-3/9",
      "Content-Length: 3",
      "",
      "ell",
    );
    const { status, headers, body } = await responseOf(result);
    expect([status, headers.get("content-range"), body.length]).toEqual([206, "bytes 1-3/9", 3]);
    expect(await body.text()).toEqual({ _tag: "Right", right: "ell" });
  });

  test("a chunked body has no length, and trailers follow it", async () => {
    const said = [
      "HTTP/1.1 200 OK",
      "Transfer-Encoding: chunked",
      "",
      "2",
      "ab",
      "1;x=y",
      "c",
      "0",
      "X-Sum: 3",
      "",
      "",
    ];
    const { body } = await received(said);
    expect(body.length).toBeUndefined();
    const trailers = await new Promise<HttpHeaders>((resolve, reject) => {
      body.pipe({ write: () => true, end: resolve, fail: reject });
    });
    expect(trailers.raw).toEqual(["X-Sum", "3"]);
  });

  test("a body can end with its connection", async () => {
    const { body } = await received(["HTTP/1.1 200 OK", "", "to the end"], request(), true);
    expect(await body.text()).toEqual({ _tag: "Right", right: "to the end" });
  });

  test("1xx responses are passed on", async () => {
    const seen: [number, readonly string[]][] = [];
    const hints = ["HTTP/1.1 103 Early Hints", "Link: </a.css>", ""];
    const message = {
      ...request(),
      onInformation: (status: number, { raw }: HttpHeaders) => seen.push([status, raw]),
    };
    const { status } = await received(
      [...hints, "HTTP/1.1 200 OK", "Content-Length: 0", "", ""],
      message as never,
    );
    expect(status).toBe(200);
    expect(seen).toEqual([[103, ["Link", "</a.css>"]]]);
  });

  test.each([
    ["defect: of bytes other than UTF-8 was lost", "\xe9t\xe9", "\xe9t\xe9"],
    ["defect: in UTF-8 was decoded to characters not allowed in fields", "Z\xc5\x82oty", "Z\xc5\x82oty"],
    ["defect: with control characters could not be forwarded", "a\x01b", undefined],
    ["is kept", "Fine, thanks", "Fine, thanks"],
    ["may be missing", "", ""],
  ])("a reason phrase %s", async (_, phrase, expected) => {
    const { statusText } = await received([`HTTP/1.1 200 ${phrase}`, "Content-Length: 0", "", ""]);
    expect(statusText).toBe(expected);
  });
});
