import { bodyFrom, HttpHeaders, httpRequest } from "@pagoda/http";
import { describe, expect, test } from "vitest";
import { requestFields } from "../src/http2/request-fields.ts";
import { bareOrigin, client, request, textOf } from "./origin.ts";

/** Returns the bytes of a request on the wire. */
async function sent(message: ReturnType<typeof request>, end = "\r\n\r\n"): Promise<string> {
  const origin = await bareOrigin();
  const result = client(origin.url).call(message);
  const connection = await origin.next();
  const text = await connection.until(end);
  connection.say("HTTP/1.1 200 OK", "Content-Length: 2", "", "ok");
  expect(await textOf(result)).toBe("ok");
  return text;
}

async function* pieces(...texts: readonly string[]) {
  yield* texts;
}

describe("a request", () => {
  test.each(["POST", "PUT", "PATCH", "DELETE", "GET", "PURGE"])("%s with a whole body", async (method) => {
    expect(await sent(request(method, "/", { body: "hello" }), "hello")).toMatch(
      new RegExp(`^${method} / HTTP/1.1\r\n[^]*\r\ncontent-length: 5\r\n\r\nhello$`),
    );
  });

  test.each(["POST", "PUT", "DELETE"])("%s with a body of unknown length is chunked", async (method) => {
    const body = bodyFrom(pieces("hel", "lo"));
    const text = await sent(request(method, "/", { body }), "0\r\n\r\n");
    expect(text).toMatch(/\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n$/);
    expect(text).not.toMatch(/content-length/i);
  });

  test("with a streamed body of known length has one Content-Length", async () => {
    const body = bodyFrom(pieces("hel", "lo"));
    const text = await sent(request("POST", "/", { body, headers: { "Content-Length": "5" } }), "hello");
    expect(text.match(/content-length: 5/gi)).toHaveLength(1);
    expect(text).not.toMatch(/transfer-encoding/i);
  });

  test("has Content-Length: 0 for a POST without a body, but not for a GET", async () => {
    const headers = { "content-length": "0" };
    expect(await sent(request("POST"))).toContain("content-length: 0\r\n");
    expect(await sent(request("POST", "/", { headers }))).toContain("content-length: 0\r\n");
    expect(await sent(request("GET"))).not.toMatch(/content-length|transfer-encoding/i);
  });

  test("keeps the order, case and repetitions of its fields", async () => {
    const headers = new HttpHeaders(["X-B", "1", "x-a", "2", "Cookie", "a=1", "X-b", "", "cookie", "b=2"]);
    const fields = ["X-B: 1", "x-a: 2", "Cookie: a=1", "X-b: ", "cookie: b=2"];
    const head = ["GET / HTTP/1.1", "host: origin.test", ...fields, "", ""];
    expect(await sent(request("GET", "/", { headers }))).toBe(head.join("\r\n"));
  });

  test("removes connection fields", async () => {
    const headers = {
      Connection: "close",
      "Keep-Alive": "timeout=5",
      Upgrade: "h2c",
      "Transfer-Encoding": "gzip",
    };
    expect(await sent(request("GET", "/", { headers }))).not.toMatch(/close|timeout|h2c|gzip/);
  });

  test("passes field values of any bytes unchanged", async () => {
    const value = `\t ~${String.fromCharCode(...Array.from({ length: 128 }, (_, i) => 128 + i))}`;
    const text = await sent(request("GET", "/", { headers: { "x-bytes": `<${value}>` } }));
    expect(text).toContain(`x-bytes: <${value}>\r\n`);
  });

  test("sends its authority as Host, whatever its fields say", async () => {
    const headers = new HttpHeaders(["host", "field.test", "x", "1", "HOST", "again.test"]);
    const text = await sent({ ...request(), authority: "authority.test:81", headers });
    expect(text.match(/^host: .*$/gim)).toEqual(["host: authority.test:81"]);
  });

  test("sends its raw path as long as it matches", async () => {
    const written = { path: "/%7Eann", of: "/~ann" };
    expect(await sent({ ...request(), path: "/~ann", written })).toMatch(/^GET \/%7Eann HTTP/);
    expect(await sent({ ...request(), path: "/bob", written })).toMatch(/^GET \/bob HTTP/);
    expect(requestFields({ ...request(), path: "/~ann", written }).fields).toContain("/%7Eann");
  });

  test("sends its target unchanged", async () => {
    const odd = { path: "/a//b/./../%2F;p=\xe9{}|^`\\", query: "?q=%00&&=?/'\"<>" };
    expect(await sent({ ...request(), ...odd })).toMatch(/^GET /);
    expect(await sent({ ...request(), ...odd })).toContain(`GET ${odd.path}${odd.query} HTTP/1.1\r\n`);
  });

  test("defect: OPTIONS * was refused", async () => {
    const text = await sent({ ...httpRequest("http://origin.test/", { method: "OPTIONS" }), path: "*" });
    expect(text).toMatch(/^OPTIONS \* HTTP\/1.1\r\nhost: origin.test\r\n/);
  });
});
