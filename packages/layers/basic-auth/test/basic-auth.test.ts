import { type Authenticated, basicAuth, type Credentials, type Unauthorized } from "@pagoda/basic-auth";
import { type Aborted, type ErrorOf, type Layer, left, right, service, ServiceBuilder } from "@pagoda/core";
import { mockService, virtualClock } from "@pagoda/core/testing";
import {
  type FromClient,
  HttpHeaders,
  type HttpRequest,
  type HttpResponse,
  httpResponse,
} from "@pagoda/http";
import { conformance } from "@pagoda/http/testing";
import * as fc from "fast-check";
import { describe, expect, expectTypeOf, test } from "vitest";
import { anyone, asked, basic, call, type Inner } from "./bench.ts";

const refused = (reason: string, challenge = 'Basic realm="restricted", charset="UTF-8"') =>
  left({ _tag: "Unauthorized", origin: "local", retryable: false, challenge, reason });

const samples = {
  request: () => asked(basic("ann:secret")) as Inner,
  response: () => httpResponse(200),
  refused: () => asked() as Inner,
  changes: { request: ["headers"] },
} as const;

describe("basicAuth", () => {
  conformance(test, () => basicAuth({ verify: anyone }), samples);

  test("adds the user, and removes Authorization", async () => {
    const request = { ...asked(basic("ann:secret")), path: "/cart" };
    const headers = HttpHeaders.of({ accept: "*/*", authorization: basic("ann:secret"), te: "trailers" });
    const { inner, result } = await call({ ...request, headers });
    expect(result._tag).toBe("Right");
    expect(inner?.user).toEqual({ name: "ann", password: "secret" });
    expect([...(inner?.headers ?? [])]).toEqual([
      ["accept", "*/*"],
      ["te", "trailers"],
    ]);
    expect({ ...inner, headers: 0, user: 0 }).toEqual({ ...request, headers: 0, user: 0 });
  });

  test("notes the name of a verified user, and of no other", async () => {
    const request = asked(basic("ann:secret"));
    await call(request, { verify: () => undefined });
    expect(request.notes.user).toBeUndefined();
    await call(request, { verify: () => ({ name: "Ann", password: "" }) });
    expect(request.notes.user).toBe("ann");
  });

  test("keeps Authorization if asked to", async () => {
    const request = asked(basic("ann:secret"));
    expect((await call(request, { keepHeader: true })).inner?.headers).toBe(request.headers);
  });

  test.each([
    ["ann:secret", "ann", "secret"],
    ["ann:se:cr:et", "ann", "se:cr:et"],
    [":", "", ""],
    ["ann:", "ann", ""],
    ["änne:pässwörd 🔑", "änne", "pässwörd 🔑"],
    // Decomposed, as macOS sends it.
    ["a\u0308nne:o\u0308", "änne", "ö"],
  ])("reads %j", async (text, name, password) => {
    expect((await call(asked(basic(text)))).inner?.user).toEqual({ name, password });
  });

  test.each(["BASIC", "basic", "Basic  "])("the scheme is case-insensitive: %j", async (scheme) => {
    const [, encoded] = basic("ann:secret").split(" ");
    expect((await call(asked(`${scheme} ${encoded}`))).inner?.user.name).toBe("ann");
  });

  test.each([
    ["no Authorization", "missing", []],
    ["another scheme", "missing", ["Bearer dG9rZW4="]],
    ["a scheme that begins with Basic", "missing", ["Basically YTpi"]],
    ["no credentials", "malformed", ["Basic "]],
    ["no base64", "malformed", ["Basic ann:secret"]],
    ["base64 with other characters", "malformed", ["Basic YTp!i"]],
    ["no colon", "malformed", [basic("ann")]],
    ["invalid UTF-8", "malformed", [basic("änne:secret", "latin1")]],
    ["a control character", "malformed", [basic("ann:sec\nret")]],
    ["a NUL", "malformed", [basic("ann\0:secret")]],
    ["two fields", "malformed", [basic("ann:secret"), basic("bob:secret")]],
    ["two credentials in one field", "malformed", [`${basic("ann:secret")}, ${basic("bob:secret")}`]],
  ])("refuses %s: %s", async (_what, reason, fields) => {
    const { inner, result } = await call(asked(...fields));
    expect(inner).toBeUndefined();
    expect(result).toEqual(refused(reason));
  });

  test("refuses credentials that verify does not accept", async () => {
    const { inner, result } = await call(asked(basic("ann:wrong")), { verify: () => undefined });
    expect(inner).toBeUndefined();
    expect(result).toEqual(refused("wrong"));
  });

  test("verify sees the request", async () => {
    const request = asked(basic("ann:secret"));
    const seen: HttpRequest[] = [];
    await call(request, { verify: (credentials, request) => (seen.push(request), credentials) });
    expect(seen).toEqual([request]);
  });

  test("neither names nor passwords reach faults, observers or descriptions", async () => {
    const seen: unknown[] = [];
    const options = {
      verify: () => undefined,
      observer: { refused: (fault: Unauthorized) => void seen.push(fault) },
    };
    const requests = [basic("ann:secret"), basic("annsecret"), "Basic ann:secret", "Bearer secret"];
    for (const each of requests) seen.push((await call(asked(each), options)).result);
    seen.push(basicAuth({ verify: anyone })(mockService<Inner, HttpResponse>().service).describe());
    const shown = JSON.stringify(seen);
    for (const secret of ["ann", "secret", ...requests.map((each) => each.split(" ")[1] as string)])
      expect(shown).not.toContain(secret);
    expect(seen).toHaveLength(9);
  });

  test("any credentials arrive as they were sent", async () => {
    const text = fc
      .string({ unit: "grapheme" })
      // oxlint-disable-next-line no-control-regex
      .map((each) => each.replaceAll(/[\0-\x1f\x7f]/g, "").toWellFormed());
    await fc.assert(
      fc.asyncProperty(text, text, async (rawName, rawPassword) => {
        const [name, password] = [rawName.replaceAll(":", "").normalize("NFC"), rawPassword.normalize("NFC")];
        const { inner } = await call(asked(basic(`${name}:${password}`)));
        expect(inner?.user).toEqual({ name, password });
      }),
    );
  });

  describe("a verify that takes time", () => {
    const slow = (user: Credentials | undefined) => {
      const { promise, resolve, reject } = Promise.withResolvers<Credentials | undefined>();
      return { verify: () => promise, settle: () => resolve(user), reject };
    };
    const ann = { name: "ann", password: "secret" };

    test("delays the call", async () => {
      const mock = mockService<Inner, HttpResponse>();
      const { verify, settle } = slow(ann);
      const result = basicAuth({ verify })(mock.service).call(asked(basic("ann:secret")));
      expect(mock.calls).toHaveLength(0);
      settle();
      const { request, answer } = await mock.next();
      expect(request.user).toBe(ann);
      answer(httpResponse(200));
      expect((await result)._tag).toBe("Right");
    });

    test("refuses the call", async () => {
      const mock = mockService<Inner, HttpResponse>();
      const { verify, settle } = slow(undefined);
      const result = basicAuth({ verify })(mock.service).call(asked(basic("ann:secret")));
      settle();
      expect(await result).toEqual(refused("wrong"));
      await mock.expectNoCall();
    });

    test("does not call inner if the caller aborts meanwhile", async () => {
      const mock = mockService<Inner, HttpResponse>();
      const { verify, settle } = slow(ann);
      const controller = new AbortController();
      const layered = basicAuth({ verify })(mock.service);
      const result = layered.call(asked(basic("ann:secret")), controller.signal);
      controller.abort();
      settle();
      expect(await result).toMatchObject({ left: { _tag: "Aborted" } });
      await mock.expectNoCall();
    });

    test("waits for inner if it is no longer ready", async () => {
      const clock = virtualClock();
      const mock = mockService<Inner, HttpResponse>();
      const { verify, settle } = slow(ann);
      mock.admit(0);
      const layered = basicAuth({ verify, clock, maxWaitMs: 50 })(mock.service);
      const result = layered.call(asked(basic("ann:secret")));
      settle();
      await clock.advance(10);
      expect(mock.calls).toHaveLength(0);
      mock.admit(1);
      (await mock.next()).answer(httpResponse(200));
      expect((await result)._tag).toBe("Right");
    });

    test("rejects the call if it fails", async () => {
      const mock = mockService<Inner, HttpResponse>();
      const { verify, reject } = slow(ann);
      const result = basicAuth({ verify })(mock.service).call(asked(basic("ann:secret")));
      const defect = new Error("no database");
      reject(defect);
      await expect(result).rejects.toBe(defect);
    });
  });

  test.each([
    ["staff", 'Basic realm="staff", charset="UTF-8"'],
    ["", 'Basic realm="", charset="UTF-8"'],
    ['the "shop"', String.raw`Basic realm="the \"shop\"", charset="UTF-8"`],
    ["a\\b", String.raw`Basic realm="a\\b", charset="UTF-8"`],
  ])("the challenge quotes the realm %j", async (realm, challenge) => {
    expect((await call(asked(), { realm })).result).toEqual(refused("missing", challenge));
  });

  test.each(["a\r\nset-cookie: b", "Küche", "\t"])("rejects the realm %j", (realm) => {
    expect(() => basicAuth({ verify: anyone, realm })).toThrow(
      "basicAuth: realm must be visible ASCII and spaces",
    );
  });

  test.each([-1, NaN])("rejects %d as maxWaitMs", (maxWaitMs) => {
    expect(() => basicAuth({ verify: anyone, maxWaitMs })).toThrow(RangeError);
  });
});

describe("basicAuth with a verify that takes time", () => {
  conformance(test, ({ clock }) => basicAuth({ verify: async (user) => user, clock }), samples);
});

describe("types of basicAuth", () => {
  interface Account {
    readonly id: number;
  }
  const verify = async ({ name }: Credentials): Promise<Account | undefined> =>
    name === "ann" ? { id: 1 } : undefined;

  test("the request of inner has what verify returns", () => {
    expectTypeOf(basicAuth({ verify })).toEqualTypeOf<
      Layer<HttpRequest, Authenticated<Account>, Unauthorized | Aborted>
    >();
    const handler = service("handler", async ({ user }: HttpRequest & Authenticated<Account>) =>
      right(httpResponse(200, String(user.id))),
    );
    const http = new ServiceBuilder<HttpRequest>();
    const stack = http.layer(basicAuth({ verify })).service(handler);
    expectTypeOf<ErrorOf<typeof stack>>().toEqualTypeOf<Unauthorized | Aborted>();
    // @ts-expect-error: Property 'user' is missing in type 'HttpRequest'.
    http.service(handler);
    // @ts-expect-error: Type 'string' is not assignable to type 'Account'.
    http.layer(basicAuth({ verify: ({ name }) => name })).service(handler);
  });

  test("requires what verify reads of the request", () => {
    const byClient = (_: Credentials, { client }: HttpRequest & FromClient): string => client.address;
    // @ts-expect-error: Property 'client' is missing in type 'HttpRequest' but required in type 'FromClient'.
    new ServiceBuilder<HttpRequest>().layer(basicAuth({ verify: byClient }));
    new ServiceBuilder<HttpRequest & FromClient>().layer(basicAuth({ verify: byClient }));
  });
});
