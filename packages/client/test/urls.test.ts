import { client, type ClientOptions } from "@pagoda/client";
import { isLeft, isRight } from "@pagoda/core";
import { httpRequest, httpResponse } from "@pagoda/http";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { answering, scripted } from "./given.ts";

/** What the origin is asked for. */
async function asked(
  options: Pick<ClientOptions, "baseUrl" | "perHost">,
  url: string,
  query?: Record<string, string>,
): Promise<string> {
  const seen: string[] = [];
  const api = client({
    ...options,
    connect: (origin) =>
      answering((request) => {
        seen.push(`${origin}${request.path}${request.query}`);
        return httpResponse(200);
      }),
  });
  const result = await api.get(url, query && { query });
  if (isRight(result)) return seen.join();
  expect(seen).toEqual([]);
  return result.left._tag === "UrlRefused" ? `refused: ${result.left.url} ${result.left.reason}` : "?";
}

const v1 = { baseUrl: "http://shop.example/v1" };

describe("the URL of a call", () => {
  test.each([
    ["/users", "http://shop.example/v1/users"],
    ["users", "http://shop.example/v1/users"],
    ["", "http://shop.example/v1/"],
    ["/users?page=2", "http://shop.example/v1/users?page=2"],
    ["//evil.example/users", "http://shop.example/v1//evil.example/users"],
    ["/a:b", "http://shop.example/v1/a:b"],
    ["/a b", "http://shop.example/v1/a%20b"],
    ["/x/../users", "http://shop.example/v1/users"],
    ["http://shop.example/v2", "http://shop.example/v2"],
  ])("%j keeps the base: %s", async (url, expected) => {
    expect(await asked(v1, url)).toBe(expected);
  });

  test.each([
    ["/../admin", "must not leave http://shop.example/v1/ with dot segments"],
    ["/x/%2e%2e/../admin", "must not leave"],
    ["..", "must not leave"],
    ["http://evil.example/", "must be http://shop.example: other hosts are called only with perHost"],
    ["file:///etc/passwd", "must be an http or https URL"],
    ["http://", "must be a valid URL"],
  ])("%j is refused: %s", async (url, reason) => {
    expect(await asked(v1, url)).toContain(reason);
  });

  test("with credentials is refused, and they are not repeated", async () => {
    const refusal = await asked({}, "http://ann:secret@shop.example/");
    expect(refusal).toBe("refused: http://shop.example must not contain credentials");
  });

  test("must be absolute without a base", async () => {
    expect(await asked({}, "/users")).toBe("refused: /users must be absolute without a baseUrl");
    expect(await asked({}, "https://shop.example/users")).toBe("https://shop.example/users");
  });

  test("goes to any host with perHost", async () => {
    expect(await asked({ ...v1, perHost: true }, "http://other.example/x")).toBe("http://other.example/x");
  });

  test("made from data never leaves the base path or its host", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: fc.constantFrom(..."/.\\%2eE?#:@ab\t\n") }), async (id) => {
        const url = await asked(v1, `/users/${id}`);
        expect(url).toMatch(/^(refused: |http:\/\/shop\.example\/v1\/)/u);
      }),
    );
  });

  test("gets the query in addition to its own", async () => {
    expect(await asked(v1, "/a", { b: "c d" })).toBe("http://shop.example/v1/a?b=c+d");
    expect(await asked(v1, "/a?x=1", { b: "2" })).toBe("http://shop.example/v1/a?x=1&b=2");
    expect(await asked(v1, "/a?x=1", {})).toBe("http://shop.example/v1/a?x=1");
  });

  test("of fetch and of the service is restricted to the host, too", async () => {
    const { api } = scripted({});
    await expect(api.fetch("http://evil.example/")).rejects.toMatchObject({ cause: { _tag: "UrlRefused" } });
    await expect(api.fetch("file:///etc/passwd")).rejects.toMatchObject({ cause: { _tag: "UrlRefused" } });
    const direct = await api.service.call(httpRequest("http://evil.example/"));
    expect(isLeft(direct) && direct.left).toMatchObject({ _tag: "UrlRefused", url: "http://evil.example" });
  });
});

describe("a base URL", () => {
  test.each(["shop.example", "ftp://shop.example", "http://a:b@shop.example", "http://shop.example/?a", ""])(
    "%j is refused",
    (baseUrl) => {
      expect(() => client({ baseUrl })).toThrow(
        "client: baseUrl must be an http or https URL without credentials, query or fragment (got ",
      );
    },
  );
});
