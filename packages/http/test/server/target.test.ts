import { type HttpRequest, text } from "@pagoda/http";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseTarget } from "../../src/grammar/request-target.ts";
import { head, served, Wire } from "./served.ts";

const parsed: [method: string, target: string, authority: string, path: string, query: string][] = [
  ["GET", "/", "host", "/", ""],
  ["GET", "/a/b?c=d?e", "host", "/a/b", "?c=d?e"],
  ["GET", "/?", "host", "/", "?"],
  ["GET", "//b/c", "host", "//b/c", ""],
  ["GET", "/http://b/", "host", "/http://b/", ""],
  ["GET", "/a\\b|{}", "host", "/a\\b|{}", ""],
  ["OPTIONS", "*", "host", "*", ""],
  ["GET", "http://b", "b", "/", ""],
  ["GET", "HTTP://B:81/c", "B:81", "/c", ""],
  ["GET", "https://b?c", "b", "/", "?c"],
  ["GET", "http://[::1]:80/c?d", "[::1]:80", "/c", "?d"],
  ["OPTIONS", "http://b", "b", "*", ""],
  ["OPTIONS", "http://b/", "b", "/", ""],
];

describe("parseTarget", () => {
  test.each(parsed)("%s %s", (method, target, authority, path, query) => {
    expect(parseTarget(method, target, "host")).toEqual({ authority, path, query });
  });

  test("property: the path and query are those of the target, or undefined", () => {
    const part = fc.constantFrom("/", "?", "#", "a", "b", "*", "@", ":", "http://", "[", "%2f", "..");
    const target = fc.array(part, { minLength: 1, maxLength: 8 }).map((parts) => parts.join(""));
    fc.assert(
      fc.property(fc.constantFrom("GET", "OPTIONS"), target, (method, target) => {
        const result = parseTarget(method, target, "host");
        if (result === undefined) return true;
        const { authority, path, query } = result;
        const whole = path + query;
        return (
          (path.startsWith("/") || (path === "*" && method === "OPTIONS")) &&
          !path.includes("?") &&
          (query === "" || query.startsWith("?")) &&
          !target.includes("#") &&
          !/[@/?#]/.test(authority) &&
          (authority === "host"
            ? whole === target
            : [whole, whole.slice(1), ""].some((rest) => target === `http://${authority}${rest}`))
        );
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("the authority of a request", () => {
  async function seen(bytes: string): Promise<HttpRequest | undefined> {
    let seen: HttpRequest | undefined;
    const server = await served((request) => ((seen = request), text("over")));
    const wire = await Wire.to(server, bytes);
    await wire.until("\r\n\r\nover");
    return seen;
  }

  test("is the Host field's", async () => {
    const request = await seen("GET / HTTP/1.1\r\nX: 1\r\nHost: b:80\r\n\r\n");
    expect(request?.authority).toBe("b:80");
    expect(request?.headers.raw).toEqual(["X", "1", "Host", "b:80"]);
  });

  test("is empty for HTTP/1.0 without Host", async () => {
    expect((await seen("GET / HTTP/1.0\r\n\r\n"))?.authority).toBe("");
  });

  test("defect: the Host field could differ from an absolute target, which decides (RFC 9112, 3.2.2)", async () => {
    const request = await seen(head("GET http://b/c", "X: 1"));
    expect(request?.authority).toBe("b");
    expect(request?.headers.raw).toEqual(["Host", "b", "X", "1"]);
    const old = await seen("GET http://b/c HTTP/1.0\r\n\r\n");
    expect(old?.headers.raw).toEqual(["Host", "b"]);
  });
});
