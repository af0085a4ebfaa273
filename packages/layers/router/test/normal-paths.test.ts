import { right, type Service, service, ServiceBuilder } from "@pagoda/core";
import { httpRequest, type HttpRequest, type HttpResponse, pathToSend, text } from "@pagoda/http";
import { conformance } from "@pagoda/http/testing";
import { clusters, normalPaths, type PathOptions, router, routeTable } from "@pagoda/router";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

const requested = (path: string, method = "GET"): HttpRequest => ({
  ...httpRequest("http://shop.example/", { method }),
  path,
});

/** Shows the path, and the one to send. */
const show = service("show", async (request: HttpRequest) =>
  right(text(`${request.path} ${pathToSend(request)}`)),
);

async function shown(stack: Service<HttpRequest, HttpResponse, unknown>, path: string, method?: string) {
  const result = await stack.call(requested(path, method));
  return result._tag === "Right" ? await result.right.body.text() : result.left;
}

/** What inner sees. */
const seen = (path: string, options: PathOptions = {}, method?: string) =>
  shown(normalPaths(options)(show), path, method);

describe("normalPaths", () => {
  conformance(test, () => normalPaths(), {
    refused: () => requested("/.."),
  });

  test.each<[string, string]>([
    ["/a", "/a /a"],
    ["/public/../admin", "/admin /admin"],
    ["/public/%2e%2e/admin", "/admin /admin"],
    ["/./%7ea%2fb", "/~a%2Fb /%7ea%2fb"],
    ["*", "* *"],
  ])("shows the path that is matched and the one that is sent: %s", async (path, expected) => {
    expect(await seen(path)).toEqual(right(expected));
  });

  test("follows the options of the router", async () => {
    expect(await seen("/./%7ea", { normalize: "rfc3986" })).toEqual(right("/~a /~a"));
    expect(await seen("/a/../b", { normalize: "off" })).toEqual(right("/a/../b /a/../b"));
    expect(await seen("/a//b%2fc", { mergeSlashes: true, escapedSlashes: "decode" })).toEqual(
      right("/a/b/c /a/b/c"),
    );
  });

  test("refuses ambiguous paths, but no CONNECT", async () => {
    expect(await seen("/..")).toMatchObject({ _tag: "PathRefused", reason: "above-root" });
    expect(await seen("")).toMatchObject({ _tag: "PathRefused", reason: "relative" });
    expect(await seen("", {}, "CONNECT")).toEqual(right(" "));
  });

  test("rejects invalid options", () => {
    expect(() => normalPaths({ normalize: "none" as "off" })).toThrow("router: normalize must be");
  });

  test("a router inside matches and sends the same as without it", async () => {
    const segment = fc.constantFrom("a", ".", "..", "%2e", "%2E%2e", "%7e", "~", "%2f", "b%2Fc", "%41", "");
    const options = fc.record({
      normalize: fc.constantFrom("minimal", "rfc3986"),
      mergeSlashes: fc.boolean(),
      escapedSlashes: fc.constantFrom("keep", "decode", "refuse"),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(segment, { minLength: 1, maxLength: 6 }),
        options,
        async (segments, given) => {
          const table = routeTable([{ name: "all", cluster: "c" }], given as PathOptions);
          const alone = new ServiceBuilder<HttpRequest>()
            .layer(router(table))
            .service(clusters({ c: show }, table));
          const both = normalPaths(given as PathOptions)(alone);
          const path = `/${segments.join("/")}`;
          expect(await shown(both, path)).toEqual(await shown(alone, path));
        },
      ),
    );
  });
});
