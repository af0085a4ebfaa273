import { HttpHeaders, httpRequest } from "@pagoda/http";
import { describe, expect, test } from "vitest";
import { requestFields } from "../src/http2/request-fields.ts";
import { bareOrigin, client, request, textOf } from "./origin.ts";

/** Returns the bytes of a request on the wire. */
async function sent(message: ReturnType<typeof request>): Promise<string> {
  const origin = await bareOrigin();
  const result = client(origin.url).call(message);
  const connection = await origin.next();
  const text = await connection.head();
  connection.say("HTTP/1.1 200 OK", "Content-Length: 2", "", "ok");
  expect(await textOf(result)).toBe("ok");
  return text;
}

describe("a request", () => {
  test("keeps the order, case and repetitions of its fields", async () => {
    const headers = new HttpHeaders(["X-B", "1", "x-a", "2", "Cookie", "a=1", "X-b", "", "cookie", "b=2"]);
    const fields = ["X-B: 1", "x-a: 2", "Cookie: a=1", "X-b: ", "cookie: b=2"];
    const head = ["GET / HTTP/1.1", "host: origin.test", ...fields, "", ""];
    expect(await sent(request("GET", "/", { headers }))).toBe(head.join("\r\n"));
  });

  test("sends its raw path as long as it matches", async () => {
    const written = { path: "/%7Eann", of: "/~ann" };
    expect(await sent({ ...request(), path: "/~ann", written })).toMatch(/^GET \/%7Eann HTTP/);
    expect(await sent({ ...request(), path: "/bob", written })).toMatch(/^GET \/bob HTTP/);
    expect(requestFields({ ...request(), path: "/~ann", written }).fields).toContain("/%7Eann");
  });

  test("defect: OPTIONS * was refused", async () => {
    const text = await sent({ ...httpRequest("http://origin.test/", { method: "OPTIONS" }), path: "*" });
    expect(text).toMatch(/^OPTIONS \* HTTP\/1.1\r\nhost: origin.test\r\n/);
  });
});
