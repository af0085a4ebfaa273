import { type Aborted, left, right, service } from "@pagoda/core";
import { mockService, settled, virtualClock } from "@pagoda/core/testing";
import {
  type Body,
  bodyFrom,
  emptyBody,
  HttpHeaders,
  type HttpRequest,
  httpRequest,
  type HttpResponse,
  httpResponse,
  PushBody,
  type RequestInput,
  text,
} from "@pagoda/http";
import { conformance } from "@pagoda/http/testing";
import { describe, expect, test } from "vitest";
import { followRedirects, type FollowRedirectsOptions, type Redirect } from "@pagoda/follow-redirects";

function redirect(status: number, location: string, body?: Body): HttpResponse {
  return httpResponse(status, body, { location });
}

function bench(options?: FollowRedirectsOptions) {
  const mock = mockService<HttpRequest, HttpResponse>();
  return { mock, layered: followRedirects(options)(mock.service) };
}

/** The request that follows one redirect. */
async function redirected(
  status: number,
  location: string,
  input: RequestInput = {},
  options?: FollowRedirectsOptions,
): Promise<HttpRequest> {
  const { mock, layered } = bench(options);
  void layered.call(httpRequest("https://shop.example:8443/a/b?q=1", input));
  (await mock.next()).answer(redirect(status, location));
  return (await mock.next()).request;
}

/** The result of a call whose first response is a redirect. */
async function refused(
  response: HttpResponse,
  request: HttpRequest = httpRequest("https://shop.example/"),
  options?: FollowRedirectsOptions,
) {
  const { mock, layered } = bench(options);
  const result = layered.call(request);
  (await mock.next()).answer(response);
  await mock.expectNoCall();
  return result;
}

function urlOf({ scheme, authority, path, query }: HttpRequest): string {
  return `${scheme}://${authority}${path}${query}`;
}

describe("follow-redirects", () => {
  conformance(test, () => followRedirects());

  test.each([200, 204, 300, 304, 305, 400, 500])(
    "returns status %d, even with a Location",
    async (status) => {
      const { mock, layered } = bench();
      const result = layered.call(httpRequest("http://shop.example/"));
      const response = redirect(status, "/elsewhere");
      (await mock.next()).answer(response);
      expect(await result).toEqual(right(response));
    },
  );

  test("returns a redirect without Location", async () => {
    const { mock, layered } = bench();
    const result = layered.call(httpRequest("http://shop.example/"));
    const response = httpResponse(302);
    (await mock.next()).answer(response);
    expect(await result).toEqual(right(response));
  });

  test.each([
    ["/c", "https://shop.example:8443/c"],
    ["c?d=2", "https://shop.example:8443/a/c?d=2"],
    ["?d=2", "https://shop.example:8443/a/b?d=2"],
    ["../c", "https://shop.example:8443/c"],
    ["", "https://shop.example:8443/a/b?q=1"],
    ["#top", "https://shop.example:8443/a/b?q=1"],
    ["//other.example/c", "https://other.example/c"],
    ["https://other.example", "https://other.example/"],
    ["https://OTHER.example:443/C", "https://other.example/C"],
    ["https://ann:secret@other.example/", "https://other.example/"],
    ["https://[::1]:9/c", "https://[::1]:9/c"],
    ["/caf\u00c3\u00a9", "https://shop.example:8443/caf%C3%A9"],
  ])("resolves Location %j", async (location, url) => {
    expect(urlOf(await redirected(302, location))).toBe(url);
  });

  test("resolves a Location against the root for OPTIONS *", async () => {
    const { mock, layered } = bench();
    void layered.call({ ...httpRequest("http://shop.example/", { method: "OPTIONS" }), path: "*" });
    (await mock.next()).answer(redirect(307, "a"));
    expect(urlOf((await mock.next()).request)).toBe("http://shop.example/a");
  });

  test.each([
    [301, "POST", "GET"],
    [302, "POST", "GET"],
    [303, "POST", "GET"],
    [307, "POST", "POST"],
    [308, "POST", "POST"],
    [301, "PUT", "PUT"],
    [302, "DELETE", "DELETE"],
    [303, "PUT", "GET"],
    [303, "HEAD", "HEAD"],
    [301, "HEAD", "HEAD"],
    [307, "GET", "GET"],
  ])("status %d turns %s into %s", async (status, method, next) => {
    const headers = { "Content-Type": "text/plain", "Content-Length": "4", "X-Other": "1", Accept: "a" };
    const request = await redirected(status, "/c", { method, body: "body", headers });
    expect(request.method).toBe(next);
    const isKept = method === next;
    expect(await request.body.text()).toEqual(right(isKept ? "body" : ""));
    expect(request.headers.has("content-type")).toBe(isKept);
    expect(request.headers.has("content-length")).toBe(isKept);
    expect(request.headers.get("x-other")).toBe("1");
    expect(request.headers.get("accept")).toBe("a");
  });

  describe("credentials", () => {
    const headers = {
      Authorization: "Bearer t",
      Cookie: "a=1",
      "Proxy-Authorization": "Basic p",
      "X-Api-Key": "k",
      Referer: "https://shop.example/secret",
      Host: "shop.example:8443",
      Accept: "text/html",
    };

    test.each([
      ["/c", true],
      ["https://shop.example:8443/c", true],
      ["https://shop.example/c", false],
      ["https://other.example:8443/c", false],
      ["https://a.shop.example:8443/c", false],
    ])("after a redirect to %s: sent %s", async (location, isSent) => {
      const request = await redirected(302, location, { headers }, { sensitiveHeaders: ["X-API-Key"] });
      for (const name of ["authorization", "cookie", "proxy-authorization", "x-api-key"])
        expect(request.headers.has(name)).toBe(isSent);
      expect(request.headers.get("accept")).toBe("text/html");
      expect(request.headers.get("host")).toBe(request.authority);
    });

    test("stay removed when a later redirect leads back", async () => {
      const { mock, layered } = bench();
      void layered.call(httpRequest("https://shop.example/", { headers }));
      (await mock.next()).answer(redirect(302, "https://other.example/"));
      (await mock.next()).answer(redirect(302, "https://shop.example/"));
      expect((await mock.next()).request.headers.has("authorization")).toBe(false);
    });

    test("a downgrade, if allowed, is another origin and drops the Referer", async () => {
      const location = "http://shop.example:8443/";
      const request = await redirected(302, location, { headers }, { allowDowngrade: true });
      expect([request.headers.has("authorization"), request.headers.has("referer")]).toEqual([false, false]);
      expect((await redirected(302, "https://other.example/", { headers })).headers.has("referer")).toBe(
        true,
      );
    });
  });

  describe("refuses", () => {
    test.each([
      ["location", "https://", undefined],
      ["location", "http://a b/", undefined],
      ["scheme", "ftp://files.example/", undefined],
      ["scheme", "javascript:alert(1)", undefined],
      ["scheme", "data:text/plain,a", undefined],
      ["downgrade", "http://shop.example/?token=1", "http://shop.example"],
    ])("with reason %s: %s", async (reason, location, target) => {
      expect(await refused(redirect(301, location))).toEqual(
        left({ _tag: "RedirectRefused", origin: "local", retryable: false, reason, status: 301, target }),
      );
    });

    test("several different Locations, but not the same one twice", async () => {
      const twice = (one: string, other: string): HttpResponse =>
        httpResponse(302, undefined, { location: [one, other] });
      expect(await refused(twice("/a", "/b"))).toMatchObject({ left: { reason: "location" } });
      const { mock, layered } = bench();
      void layered.call(httpRequest("http://shop.example/"));
      (await mock.next()).answer(twice("/a", "/a"));
      expect((await mock.next()).request.path).toBe("/a");
    });

    test("what allow rejects, asked after the other checks", async () => {
      const asked: Redirect[] = [];
      const allow = (each: Redirect): boolean => asked.push(each) > 0 && each.to.origin === each.from.origin;
      const result = await refused(redirect(308, "https://other.example/a"), undefined, { allow });
      expect(result).toMatchObject({ left: { reason: "not-allowed", target: "https://other.example" } });
      expect(asked.map(({ status, from, to }) => [status, from.href, to.href])).toEqual([
        [308, "https://shop.example/", "https://other.example/a"],
      ]);
      await refused(redirect(308, "ftp://other.example/"), undefined, { allow });
      expect(asked).toHaveLength(1);
    });

    test("a request whose authority is not one of a URL", async () => {
      const request: HttpRequest = { ...httpRequest("http://a/"), authority: "a:99999999" };
      expect(await refused(redirect(302, "/c"), request)).toMatchObject({ left: { reason: "location" } });
    });

    test.each([307, 308, 301])("status %d for a body that has been read", async (status) => {
      const body = bodyFrom(["streamed"]);
      const request = httpRequest("http://shop.example/", { method: "PUT", body });
      const { mock, layered } = bench();
      const result = layered.call(request);
      const first = await mock.next();
      await first.request.body.text();
      first.answer(redirect(status, "/c"));
      expect(await result).toMatchObject({ left: { reason: "body", target: "http://shop.example" } });
      await mock.expectNoCall();
    });

    test("and discards the response", async () => {
      const body = bodyFrom(["moved"]);
      let ended: boolean | undefined;
      body.observe((complete) => (ended = complete));
      await refused(redirect(302, "ftp://a/", body));
      expect(ended).toBe(false);
    });
  });

  test("sends a body that was not read", async () => {
    const request = await redirected(307, "/c", { method: "PUT", body: bodyFrom(["unread"]) });
    expect(await request.body.text()).toEqual(right("unread"));
  });

  test("an empty body can always be sent again", async () => {
    const { mock, layered } = bench();
    void layered.call(httpRequest("http://shop.example/", { method: "PUT", body: new NoBytes() }));
    const first = await mock.next();
    await first.request.body.text();
    first.answer(redirect(307, "/c"));
    expect((await mock.next()).request.body).toBe(emptyBody);
  });

  test("the form of the path that only the first URL has is dropped", async () => {
    const { mock, layered } = bench();
    const written = { path: "/%61", of: "/a" };
    void layered.call({ ...httpRequest("http://shop.example/a"), written });
    (await mock.next()).answer(redirect(302, "http://shop.example:81/a"));
    expect((await mock.next()).request.written).toBeUndefined();
  });

  test("a tunnel request is not redirected", async () => {
    for (const more of [{ upgrade: "websocket" }, { method: "CONNECT", path: "" }]) {
      const { mock, layered } = bench();
      const result = layered.call({ ...httpRequest("http://shop.example/"), ...more });
      const response = redirect(302, "/c");
      (await mock.next()).answer(response);
      expect(await result).toEqual(right(response));
    }
  });

  test.each([0, 1, 3, 20])("follows at most %d redirects", async (maxRedirects) => {
    let calls = 0;
    const loop = service("loop", async (_: HttpRequest) => right((calls++, redirect(302, "/"))));
    const layered = followRedirects(maxRedirects === 20 ? {} : { maxRedirects })(loop);
    expect(await layered.call(httpRequest("http://shop.example/"))).toEqual(
      left({ _tag: "TooManyRedirects", origin: "local", retryable: false, maxRedirects }),
    );
    expect(calls).toBe(maxRedirects + 1);
  });

  test("notes the last URL with the fragment that applies to it, and reports each redirect", async () => {
    const seen: string[] = [];
    const { mock, layered } = bench({ observer: { followed: ({ to }) => void seen.push(to.href) } });
    const request = httpRequest("http://shop.example/a");
    const result = layered.call(request);
    (await mock.next()).answer(redirect(302, "http://ann:secret@shop.example/b#part"));
    (await mock.next()).answer(redirect(302, "/c"));
    (await mock.next()).answer(text("here"));
    await result;
    expect(request.notes.url).toBe("http://shop.example/c#part");
    expect(seen).toEqual(["http://shop.example/b#part", "http://shop.example/c#part"]);
    const direct = httpRequest("http://shop.example/a");
    const other = layered.call(direct);
    (await mock.next()).answer(text("here"));
    await other;
    expect(direct.notes.url).toBeUndefined();
  });

  test("reads a short body of a redirect before the next request, and cancels a long one", async () => {
    for (const [size, isRead] of [
      [100, true],
      [20_000, false],
    ] as const) {
      const { mock, layered } = bench();
      const body = bodyFrom([new Uint8Array(size)]);
      let ended: boolean | undefined;
      body.observe((complete) => (ended = complete));
      void layered.call(httpRequest("http://shop.example/"));
      (await mock.next()).answer(redirect(302, "/b", body));
      await mock.next();
      expect(ended).toBe(isRead);
    }
  });

  test("an abort while the body of a redirect is being read ends the call and frees the body", async () => {
    const { mock, layered } = bench();
    const controller = new AbortController();
    const body = new Silent();
    const result = layered.call(httpRequest("http://shop.example/"), controller.signal);
    (await mock.next()).answer(redirect(302, "/b", body));
    await settled();
    controller.abort("enough");
    expect(await result).toEqual(
      left({ _tag: "Aborted", origin: "local", retryable: false, cause: "enough" } satisfies Aborted),
    );
    expect(body.stopped).toBe(true);
    await mock.expectNoCall();
  });

  test("waits up to three seconds until inner is ready for the next request", async () => {
    const clock = virtualClock();
    const { mock, layered } = bench({ clock });
    for (const waitedMs of [2_999, 3_000]) {
      mock.admit(1);
      const result = layered.call(httpRequest("http://shop.example/"));
      const first = await mock.next();
      mock.admit(0);
      first.answer(redirect(302, "/b"));
      await mock.expectNoCall();
      await clock.advance(waitedMs);
      if (waitedMs < 3_000) await mock.expectNoCall();
      mock.admit(1);
      (await mock.next()).answer(text("here"));
      expect((await result)._tag).toBe("Right");
      expect(mock.uninvited).toBe(waitedMs < 3_000 ? 0 : 1);
    }
  });

  test.each([-1, 1.5, NaN])("rejects %d as maxRedirects", (maxRedirects) => {
    expect(() => followRedirects({ maxRedirects })).toThrow(
      `follow-redirects: maxRedirects must be an integer of at least 0 (got ${maxRedirects})`,
    );
  });

  test("rejects a sensitive header that is not a field name", () => {
    expect(() => followRedirects({ sensitiveHeaders: ["x api"] })).toThrow(
      'follow-redirects: sensitiveHeaders must be field names (got "x api")',
    );
  });

  test("describes its options", () => {
    expect(bench({ maxRedirects: 5 }).layered.describe()).toMatchObject({
      name: "follow-redirects",
      options: { maxRedirects: 5, allowDowngrade: false, sensitiveHeaders: [] },
    });
  });
});

/** Empty, but read only once. */
class NoBytes extends PushBody {
  readonly length = 0;

  constructor() {
    super();
    this.finish(HttpHeaders.empty);
  }

  protected goOn(): void {}

  protected stop(): void {}
}

/** Its bytes never come. */
class Silent extends PushBody {
  readonly length = undefined;
  stopped = false;

  protected goOn(): void {}

  protected stop(): void {
    this.stopped = true;
  }
}
