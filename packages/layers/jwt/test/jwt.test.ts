import {
  type InvalidToken,
  jwt,
  type JwtClaims,
  type JwtOptions,
  type KeySet,
  type KeysUnavailable,
  TokenCache,
  tokenAlgorithms,
} from "@pagoda/jwt";
import {
  type Aborted,
  type ErrorOf,
  isLeft,
  isRight,
  type Layer,
  left,
  right,
  service,
  type Service,
  ServiceBuilder,
} from "@pagoda/core";
import { virtualClock } from "@pagoda/core/testing";
import { type HttpRequest, type HttpResponse, httpResponse, type WithClaims } from "@pagoda/http";
import { conformance } from "@pagoda/http/testing";
import * as fc from "fast-check";
import { base64url, FlattenedSign, UnsecuredJWT } from "jose";
import { describe, expect, expectTypeOf, test, vi } from "vitest";
import {
  around,
  asked,
  call,
  type Inner,
  issuer,
  secondsOf,
  sign,
  type Signer,
  signer,
  valid,
} from "./bench.ts";

const rsa = await signer("RS256");
const ec = await signer("ES256");
const clock = virtualClock();
const now = secondsOf(clock);
const token = await sign(ec, valid(now));

type Options = JwtOptions<JwtClaims, boolean>;

function options(more: Partial<Options> = {}): Options {
  return { issuers: [issuer([rsa, ec])], clock, ...more };
}

async function reasonOf(given: string, more: Partial<Options> = {}): Promise<string> {
  for (const { inner, result } of await call(options(more), asked(given))) {
    expect(inner === undefined).toBe(isLeft(result));
    if (isLeft(result)) return (result.left as InvalidToken).reason;
  }
  return "valid";
}

const encoded = (value: unknown): string => base64url.encode(JSON.stringify(value));

// Verifications take real time, so that in virtual time the token must be known.
const cache = new TokenCache();
await call(options({ cache }), asked(token));

describe("jwt", () => {
  conformance(test, ({ clock }) => jwt({ issuers: [issuer([ec])], cache, clock }), {
    request: () => asked(token) as Inner,
    refused: () => asked(undefined) as Inner,
    changes: { request: ["headers"] },
  });

  describe.each(tokenAlgorithms)("with %s", (alg) => {
    test("accepts tokens that a key of the issuer has signed, and no others", async () => {
      const [own, foreign] = await Promise.all([signer(alg, "k"), signer(alg, "k")]);
      const issuers = [issuer([own])];
      expect(await reasonOf(await sign(own, valid(now)), { issuers })).toBe("valid");
      expect(await reasonOf(await sign(foreign, valid(now)), { issuers })).toBe("signature");
    });
  });

  test("adds the claims, removes Authorization and notes the subject", async () => {
    const [answered] = await call(options(), asked(token, "Accept", "*/*"));
    expect(answered?.inner?.claims).toEqual(valid(now));
    expect(answered?.inner?.headers.raw).toEqual(["Accept", "*/*"]);
    expect(answered?.inner?.notes.user).toBe("ann");
  });

  test("keeps Authorization if asked to", async () => {
    const request = asked(token, "Accept", "*/*");
    const [answered] = await call(options({ keepHeader: true }), request);
    expect(answered?.inner?.headers).toBe(request.headers);
  });

  test("nobody can change the claims that calls share", async () => {
    const [first, second] = await call(options(), ...Array.from({ length: 2 }, () => asked(token)));
    expect(first?.inner?.claims).toBe(second?.inner?.claims);
    expect(Object.isFrozen(first?.inner?.claims)).toBe(true);
  });

  test.each(["bearer", "BEARER", "Bearer "])("the scheme is case-insensitive: %j", async (scheme) => {
    const headers = asked(undefined).headers.set("authorization", `${scheme} ${token}`);
    const [answered] = await call(options(), { ...asked(undefined), headers });
    expect(answered?.result._tag).toBe("Right");
  });

  describe("refuses", () => {
    const challenge = (error: string, description: string): string =>
      `Bearer realm="restricted", error="${error}", error_description="${description}"`;

    async function refused(request: HttpRequest, more: Partial<Options> = {}): Promise<InvalidToken> {
      const seen = vi.fn<(fault: InvalidToken) => void>();
      const [answered] = await call(options({ observer: { refused: seen }, ...more }), request);
      const [fault] = seen.mock.calls.map(([fault]) => fault) as [InvalidToken];
      expect(answered).toEqual({ inner: undefined, result: left(fault) });
      expect(seen).toHaveBeenCalledTimes(1);
      expect(request.notes.user).toBeUndefined();
      return fault;
    }

    test("a request without a token, with a challenge that names no error", async () => {
      expect(await refused(asked(undefined), { realm: 'the "shop"' })).toEqual({
        _tag: "InvalidToken",
        origin: "local",
        retryable: false,
        reason: "missing",
        status: 401,
        challenge: String.raw`Bearer realm="the \"shop\""`,
      });
      const basic = asked(undefined, "Authorization", "Basic YTpi");
      expect((await refused(basic)).reason).toBe("missing");
    });

    test("several tokens, as a malformed request", async () => {
      const fault = await refused(asked(token, "authorization", `Bearer ${token}`));
      expect(fault).toMatchObject({
        status: 400,
        challenge: challenge("invalid_request", "several Authorization fields"),
      });
    });

    const claims = valid(now);
    const tokens: readonly (readonly [
      what: string,
      reason: string,
      token: () => string | Promise<string>,
    ])[] = [
      ["nothing", "malformed", () => ""],
      ["two parts", "malformed", () => token.split(".").slice(0, 2).join(".")],
      ["five parts, as an encrypted token has", "malformed", () => `${token}.a.b`],
      ["parts that are not JSON", "malformed", () => "a.b.c"],
      ["parts that are not objects", "malformed", () => `${encoded(1)}.${encoded([])}.c`],
      ["two tokens", "malformed", () => `${token}, ${token}`],
      ["one that is too large", "tooLarge", () => sign(ec, { ...claims, note: "x".repeat(20_000) })],
      ["no signature", "algorithm", () => new UnsecuredJWT(claims).encode()],
      ["no signature, in other letters", "algorithm", () => unsigned({ alg: "nOnE" })],
      ["a missing signature", "signature", () => token.replace(/[^.]*$/, "")],
      [
        "an issuer that is not trusted",
        "issuer",
        () => sign(ec, { ...claims, iss: "https://other.example" }),
      ],
      ["no issuer", "malformed", () => sign(ec, { ...claims, iss: undefined } as never)],
      ["an issuer like Object's properties", "issuer", () => sign(ec, { ...claims, iss: "constructor" })],
      ["an unknown key", "key", async () => sign(await signer("ES256", "other"), claims)],
      ["the key of another algorithm", "key", async () => sign({ ...ec, kid: rsa.kid }, claims)],
      ["another audience", "audience", () => sign(ec, { ...claims, aud: ["shopping", "sho"] })],
      ["no audience", "audience", () => sign(ec, { ...claims, aud: undefined } as never)],
      ["one that has expired", "expired", () => sign(ec, { ...claims, exp: now - 31 })],
      ["one that never expires", "malformed", () => sign(ec, { ...claims, exp: undefined } as never)],
      ["one whose expiry is text", "malformed", () => sign(ec, { ...claims, exp: `${now + 9}` } as never)],
      ["one that is not valid yet", "notYetValid", () => sign(ec, { ...claims, nbf: now + 31 })],
      ["critical headers that nobody knows", "malformed", () => critical({ crit: ["exp"], exp: 1 })],
      ["an unencoded payload", "malformed", () => unencoded()],
    ];
    const unsigned = (header: object): string => `${encoded(header)}.${encoded(claims)}.`;
    const critical = (header: object): string =>
      [encoded({ alg: ec.alg, kid: ec.kid, ...header }), ...token.split(".").slice(1)].join(".");

    /** Signed, with a payload that happens to look as if it were encoded. */
    async function unencoded(): Promise<string> {
      const payload = encoded(claims);
      const { protected: head, signature } = await new FlattenedSign(new TextEncoder().encode(payload))
        .setProtectedHeader({ alg: ec.alg, kid: ec.kid, b64: false, crit: ["b64"] })
        .sign(ec.privateKey);
      return `${head}.${payload}.${signature}`;
    }

    test.each(tokens)("%s: %s", async (_what, reason, token) => {
      const text = await token();
      const fault = await refused(asked(text));
      expect(fault).toMatchObject({ reason, status: 401, origin: "local", retryable: false });
      expect(fault.challenge).toMatch(
        /^Bearer realm="restricted", error="invalid_token", error_description="[!#-[\]-~ ]+"$/,
      );
      const shown = JSON.stringify(fault);
      expect(text.split(".").filter((part) => part.length > 5 && shown.includes(part))).toEqual([]);
    });

    test("a public key that is used as a shared secret", async () => {
      const secret = new TextEncoder().encode(JSON.stringify(rsa.jwk));
      const key = await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, [
        "sign",
      ]);
      for (const kid of [rsa.kid, undefined]) {
        const signed = `${encoded({ alg: "HS256", kid })}.${encoded(claims)}`;
        const mac = await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(signed));
        expect((await refused(asked(`${signed}.${base64url.encode(new Uint8Array(mac))}`))).reason).toBe(
          "algorithm",
        );
      }
    });

    test("an algorithm that is not on the list, although its key is published", async () => {
      const issuers = [issuer([rsa, ec], { algorithms: ["RS256"] })];
      expect(await reasonOf(token, { issuers })).toBe("algorithm");
      expect(await reasonOf(await sign(rsa, claims), { issuers })).toBe("valid");
    });

    test("a token of one issuer that is signed by another", async () => {
      const other = await signer("ES256", ec.kid);
      const issuers = [issuer([ec]), issuer([other], { issuer: "https://other.example" })];
      const forged = await sign(ec, { ...claims, iss: "https://other.example" });
      expect(await reasonOf(forged, { issuers })).toBe("signature");
      expect(
        await reasonOf(await sign(other, { ...claims, iss: "https://other.example" }), { issuers }),
      ).toBe("valid");
    });

    test("a token that any change has been made to", async () => {
      await fc.assert(
        fc.asyncProperty(fc.nat(token.length - 1), fc.nat(62), async (at, by) => {
          const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
          const place = alphabet.indexOf(token[at] as string);
          // Dots separate the parts, and the last character of a part may have unused bits.
          fc.pre(place >= 0 && /[\w-]/.test(token[at + 1] ?? "."));
          const changed = `${token.slice(0, at)}${alphabet[(place + 1 + by) % 64]}${token.slice(at + 1)}`;
          expect(await reasonOf(changed)).not.toBe("valid");
        }),
        { numRuns: 300 },
      );
    });
  });

  test("only tokens that a key of their issuer has signed pass", async () => {
    const signers = await Promise.all(["a", "b", "c", "d"].map((kid) => signer("ES256", kid)));
    const [a, b, c] = signers as [Signer, Signer, Signer, Signer];
    const trusted: Readonly<Record<string, readonly Signer[]>> = { one: [a, b], two: [c] };
    const issuers = Object.entries(trusted).map(([name, keys]) => issuer(keys, { issuer: name }));
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...signers),
        fc.constantFrom("a", "b", "c", "d", undefined),
        fc.constantFrom("one", "two", "three"),
        async (by, kid, iss) => {
          const given = await sign(by, { ...valid(now), iss }, { kid });
          const isTrusted = trusted[iss]?.includes(by) === true && (kid === undefined || kid === by.kid);
          expect((await reasonOf(given, { issuers })) === "valid").toBe(isTrusted);
        },
      ),
      { numRuns: 120 },
    );
  });

  test("several keys without an id are tried in turn", async () => {
    const signers = await Promise.all([signer("ES256"), signer("ES256")]);
    const anonymous = signers.map((each) => ({ ...each, jwk: { ...each.jwk, kid: undefined } as never }));
    const issuers = [issuer(anonymous)];
    for (const each of signers)
      expect(await reasonOf(await sign(each, valid(now), { kid: undefined }), { issuers })).toBe("valid");
    expect(
      await reasonOf(await sign(await signer("ES256"), valid(now), { kid: undefined }), { issuers }),
    ).toBe("signature");
  });

  test("an RSA key that is too short verifies nothing", async () => {
    const short = await crypto.subtle.generateKey(
      {
        name: "RSASSA-PKCS1-v1_5",
        hash: "SHA-256",
        modulusLength: 1_024,
        publicExponent: new Uint8Array([1, 0, 1]),
      },
      true,
      ["sign", "verify"],
    );
    const jwk = {
      ...(await crypto.subtle.exportKey("jwk", short.publicKey)),
      key_ops: undefined,
      kid: "short",
    };
    const signed = `${encoded({ alg: "RS256", kid: "short" })}.${encoded(valid(now))}`;
    const mac = await crypto.subtle.sign(
      "RSASSA-PKCS1-v1_5",
      short.privateKey,
      new TextEncoder().encode(signed),
    );
    const given = `${signed}.${base64url.encode(new Uint8Array(mac))}`;
    expect(await reasonOf(given, { issuers: [issuer([{ jwk } as never])] })).toBe("key");
  });

  test("clocks may differ by as much as configured", async () => {
    const early = await sign(ec, { ...valid(now), nbf: now + 30, exp: now + 30 });
    const late = await sign(ec, { ...valid(now), exp: now - 29 });
    for (const each of [early, late]) expect(await reasonOf(each)).toBe("valid");
    const issuers = [issuer([ec], { clockSkewMs: 0 })];
    expect(await reasonOf(early, { issuers })).toBe("notYetValid");
    expect(await reasonOf(late, { issuers })).toBe("expired");
  });

  test("any audience is accepted only if asked for", async () => {
    const foreign = await sign(ec, { ...valid(now), aud: "billing" });
    expect(await reasonOf(foreign)).toBe("audience");
    expect(await reasonOf(foreign, { issuers: [issuer([ec], { audiences: "any" })] })).toBe("valid");
    expect(await reasonOf(foreign, { issuers: [issuer([ec], { audiences: ["shop", "billing"] })] })).toBe(
      "valid",
    );
  });

  describe("with optional tokens", () => {
    test("requests without one pass, without claims", async () => {
      const [answered] = await call(options({ optional: true }), asked(undefined, "Accept", "*/*"));
      expect(answered?.inner?.claims).toBeUndefined();
      expect(answered?.inner && "claims" in answered.inner).toBe(true);
      expect(answered?.inner?.headers.raw).toEqual(["Accept", "*/*"]);
    });

    test("requests with an invalid one are refused", async () => {
      const several = asked(token, "authorization", "Basic YTpi");
      for (const request of [asked("a.b.c"), asked(""), several]) {
        const [answered] = await call(options({ optional: true }), request);
        expect(answered?.result).toMatchObject({ left: { _tag: "InvalidToken", reason: "malformed" } });
      }
    });

    test("the user that another layer has verified stays", async () => {
      const request = asked(undefined);
      request.notes.user = "bob";
      await call(options({ optional: true }), request);
      expect(request.notes.user).toBe("bob");
    });
  });

  test("parse makes the claims, or refuses them", async () => {
    const tenant = await sign(ec, { ...valid(now), tenant: "a" });
    const parse = vi.fn<(claims: JwtClaims) => { tenant: string } | undefined>(({ tenant }) =>
      typeof tenant === "string" ? { tenant } : undefined,
    );
    const seen: unknown[] = [];
    const handler = service("handler", async ({ claims }: HttpRequest & WithClaims<{ tenant: string }>) => {
      seen.push(claims);
      return right(httpResponse(200));
    });
    const layered = new ServiceBuilder<HttpRequest>()
      .layer(jwt({ issuers: [issuer([ec])], clock, parse }))
      .service(handler);
    for (let n = 0; n < 2; n++) await layered.call(asked(tenant));
    expect(seen).toEqual([{ tenant: "a" }, { tenant: "a" }]);
    expect(parse).toHaveBeenCalledTimes(1);
    expect(await layered.call(asked(token))).toMatchObject({ left: { reason: "claims" } });
  });

  describe("while a token is verified", () => {
    /** Keys that come when the test wants. */
    function slowKeys(): { readonly keys: KeySet; readonly come: () => void; readonly asked: () => number } {
      const { promise, resolve } = Promise.withResolvers<void>();
      let asked = 0;
      const { keys } = issuer([ec]);
      const find: KeySet["find"] = (header) => (asked++, promise.then(() => keys.find(header)));
      return { keys: { find, retryAfterMs: 0 }, come: resolve, asked: () => asked };
    }

    test("other calls with the same token wait for the same verification", async () => {
      const { keys, come, asked: count } = slowKeys();
      const layered = around(options({ issuers: [issuer([], { keys })] }));
      const calls = Array.from({ length: 9 }, () => layered.call(asked(token)));
      come();
      expect((await Promise.all(calls)).every(isRight)).toBe(true);
      expect(count()).toBe(1);
    });

    test("a caller that aborts leaves at once, and the others stay", async () => {
      const { keys, come } = slowKeys();
      const layered = around(options({ issuers: [issuer([], { keys })] }));
      const controller = new AbortController();
      const leaving = layered.call(asked(token), controller.signal);
      const staying = layered.call(asked(token));
      controller.abort();
      expect(await leaving).toMatchObject({ left: { _tag: "Aborted" } });
      expect(await layered.call(asked(token), controller.signal)).toMatchObject({
        left: { _tag: "Aborted" },
      });
      come();
      expect((await staying)._tag).toBe("Right");
    });

    test("the call waits for inner if it is no longer ready", async () => {
      const waiting = Promise.withResolvers<void>();
      const free = Promise.withResolvers<void>();
      let isFree = false;
      const inner: Service<Inner, HttpResponse> = {
        ready: () => (isFree ? undefined : (waiting.resolve(), free.promise)),
        call: async () => right(httpResponse(isFree ? 200 : 500)),
        describe: () => ({ name: "inner" }),
      };
      const clock = virtualClock();
      const result = jwt({ issuers: [issuer([ec])], clock })(inner).call(asked(token) as Inner);
      await waiting.promise;
      isFree = true;
      free.resolve();
      expect(await result).toMatchObject({ right: { status: 200 } });
      expect(clock.pending).toBe(0);
    });
  });

  test("without the keys of an issuer, nobody can tell whether a token is valid", async () => {
    const keys: KeySet = { find: async () => undefined, retryAfterMs: 700 };
    const seen = vi.fn<(fault: KeysUnavailable) => void>();
    const unknown = options({ issuers: [issuer([], { keys })], observer: { unavailable: seen } });
    const [answered] = await call(unknown, asked(token));
    const fault: KeysUnavailable = {
      _tag: "KeysUnavailable",
      origin: "local",
      retryable: true,
      issuer: "https://id.example",
      retryAfterMs: 700,
    };
    expect(answered?.result).toEqual(left(fault));
    expect(seen.mock.calls.map(([fault]) => fault)).toEqual([fault]);
  });

  const one = issuer([ec]);
  test.each<[string, Partial<Options>]>([
    ["jwt: issuers must be a list with at least one issuer (got [])", { issuers: [] }],
    ["jwt: issuers[0].issuer must be the name of an issuer", { issuers: [{ ...one, issuer: "" }] }],
    ["jwt: issuers[1].issuer must be another than those before", { issuers: [one, one] }],
    ['jwt: issuers[0].audiences must be "any", or a list', { issuers: [{ ...one, audiences: [] }] }],
    ['jwt: issuers[0].audiences must be "any", or a list', { issuers: [{ ...one, audiences: [""] }] }],
    ["jwt: issuers[0].algorithms must be a list with", { issuers: [{ ...one, algorithms: [] }] }],
    ['(got "HS256")', { issuers: [{ ...one, algorithms: ["HS256" as never] }] }],
    ['(got "none")', { issuers: [{ ...one, algorithms: ["none" as never] }] }],
    [
      "jwt: issuers[0].clockSkewMs must be a number from 0 to 300000",
      { issuers: [{ ...one, clockSkewMs: -1 }] },
    ],
    ["jwt: realm must be visible ASCII and spaces", { realm: "a\r\nb" }],
    ["jwt: maxBytes must be an integer from 1 to 65536 (got 0)", { maxBytes: 0 }],
    ["maxWaitMs", { maxWaitMs: -1 }],
    ['jwt: claimHeaders must be names of header fields (got "a b")', { claimHeaders: { "a b": "sub" } }],
  ])("rejects options: %s", (message, more) => {
    expect(() => jwt(options(more))).toThrow(message);
    expect(() => jwt(options(more))).toThrow(RangeError);
  });

  test("types: inner has the claims, which are optional only if tokens are", () => {
    const issuers = [one];
    expectTypeOf(jwt({ issuers })).toEqualTypeOf<
      Layer<HttpRequest, WithClaims<JwtClaims>, InvalidToken | KeysUnavailable | Aborted>
    >();
    expectTypeOf(jwt({ issuers, optional: true })).toEqualTypeOf<
      Layer<HttpRequest, WithClaims<JwtClaims | undefined>, InvalidToken | KeysUnavailable | Aborted>
    >();
    const http = new ServiceBuilder<HttpRequest>();
    const handler = service(
      "handler",
      async ({ claims }: HttpRequest & WithClaims<{ readonly tenant: string }>) =>
        right(httpResponse(200, claims.tenant)),
    );
    const parse = (claims: JwtClaims): { readonly tenant: string } => ({ tenant: String(claims["tenant"]) });
    const stack = http.layer(jwt({ issuers, parse })).service(handler);
    expectTypeOf<ErrorOf<typeof stack>>().toEqualTypeOf<InvalidToken | KeysUnavailable | Aborted>();
    // @ts-expect-error: Property 'tenant' is missing in type 'JwtClaims'.
    http.layer(jwt({ issuers })).service(handler);
    // @ts-expect-error: Type 'undefined' is not assignable to type '{ readonly tenant: string; }'.
    http.layer(jwt({ issuers, parse, optional: true })).service(handler);
  });
});
