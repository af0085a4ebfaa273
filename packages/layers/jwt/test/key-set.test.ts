import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { fixedKeys, type KeySet, keySet, type KeySetOptions, keysProblem, fetchedKeys } from "@pagoda/jwt";
import { type Either, left, right, service } from "@pagoda/core";
import { settled, virtualClock } from "@pagoda/core/testing";
import { bodyOf, type HttpRequest, type HttpResponse, httpResponse } from "@pagoda/http";
import { describe, expect, test, vi } from "vitest";
import { asked, call, issuer, secondsOf, sign, type Signer, signer, valid } from "./bench.ts";

const [a, b] = await Promise.all([signer("ES256", "a"), signer("ES256", "b")]);

const jwks = (...signers: readonly Signer[]): string =>
  JSON.stringify({ keys: signers.map(({ jwk }) => jwk) });
const header = ({ alg, kid }: Signer) => ({ alg, kid });

/** A key set whose attempts end as the test wants. */
function bench(options: Partial<KeySetOptions> = {}) {
  const clock = virtualClock();
  const observer = { loaded: vi.fn<(keys: number) => void>(), failed: vi.fn<(error: unknown) => void>() };
  const load = vi.fn<KeySetOptions["load"]>();
  const keys = keySet({ load, clock, observer, ...options });
  const has = async (by: Signer): Promise<boolean | undefined> => {
    const found = await keys.find(header(by));
    return found && found.length > 0;
  };
  return { clock, observer, load, keys, has };
}

describe("keySet", () => {
  test("has the age of the keys it has loaded", async () => {
    const { load, has, clock, keys } = bench({ refreshMs: 60_000 });
    expect(keys.ageMs).toBeUndefined();
    load.mockResolvedValue(jwks(a));
    await has(a);
    expect(keys.ageMs).toBe(0);
    load.mockRejectedValue(new Error("down"));
    await clock.advance(70_000);
    await has(a);
    expect(keys.ageMs).toBe(70_000);
  });

  test("loads the set when it is first needed, once for all that wait", async () => {
    const { load, has, observer } = bench();
    expect(load).not.toHaveBeenCalled();
    const { promise, resolve } = Promise.withResolvers<string>();
    load.mockReturnValue(promise);
    const waiting = [has(a), has(a), has(b)];
    resolve(jwks(a));
    expect(await Promise.all(waiting)).toEqual([true, true, false]);
    expect(load).toHaveBeenCalledTimes(1);
    expect(observer.loaded.mock.calls).toEqual([[1]]);
  });

  test("loads it again for an unknown key, at most every 30 s", async () => {
    const { load, has, clock } = bench();
    load.mockResolvedValue(jwks(a));
    expect(await has(a)).toBe(true);
    load.mockResolvedValue(jwks(a, b));
    for (let n = 0; n < 100; n++) expect(await has(b)).toBe(false);
    expect(load).toHaveBeenCalledTimes(1);
    await clock.advance(30_000);
    expect(await Promise.all([has(b), has(b), has(a)])).toEqual([true, true, true]);
    expect(load).toHaveBeenCalledTimes(2);
  });

  test("loads it again when it is old, while the old one is used", async () => {
    const { load, has, clock } = bench({ refreshMs: 60_000 });
    load.mockResolvedValue(jwks(a));
    expect(await has(a)).toBe(true);
    await clock.advance(59_999);
    expect(await has(a)).toBe(true);
    expect(load).toHaveBeenCalledTimes(1);
    await clock.advance(1);
    const { promise, resolve } = Promise.withResolvers<string>();
    load.mockReturnValue(promise);
    expect(await has(a)).toBe(true);
    expect(load).toHaveBeenCalledTimes(2);
    resolve(jwks(b));
    await settled();
    expect(await has(a)).toBe(false);
    expect(await has(b)).toBe(true);
  });

  test.each<[string, () => Promise<unknown>]>([
    ["fails", () => Promise.reject(new Error("refused"))],
    [
      "throws",
      () => {
        throw new Error("refused");
      },
    ],
    ["brings no JSON", async () => "<html>Bad Gateway</html>"],
    ["brings no keys", async () => ({ keys: [] })],
    ["brings another object", async () => ({ error: "unavailable" })],
    ["brings nothing", async () => undefined],
    ["brings only shared secrets", async () => ({ keys: [{ kty: "oct", k: "c2VjcmV0" }] })],
  ])("keeps the last set when loading %s", async (_what, failing) => {
    const { load, has, clock, observer } = bench({ refreshMs: 40_000 });
    load.mockResolvedValue(jwks(a));
    expect(await has(a)).toBe(true);
    load.mockImplementation(failing);
    for (let n = 0; n < 20; n++) {
      await clock.advance(30_000);
      expect(await has(a)).toBe(true);
      await settled();
    }
    expect(observer.loaded).toHaveBeenCalledTimes(1);
    // The first at 60 s, when the set is older than 40 s.
    expect(observer.failed).toHaveBeenCalledTimes(19);
    load.mockResolvedValue(jwks(b));
    await clock.advance(30_000);
    await has(a);
    await settled();
    expect(await has(b)).toBe(true);
  });

  test("an attempt that hangs is given up", async () => {
    const { load, has, clock, observer } = bench({ timeoutMs: 2_000 });
    let signal: AbortSignal | undefined;
    load.mockImplementation((given) => ((signal = given), new Promise(() => {})));
    const waiting = has(a);
    await clock.advance(1_999);
    expect(signal?.aborted).toBe(false);
    await clock.advance(1);
    expect(await waiting).toBeUndefined();
    expect(signal?.aborted).toBe(true);
    expect(observer.failed.mock.calls).toEqual([[expect.objectContaining({ name: "TimeoutError" })]]);
    expect(clock.pending).toBe(0);
  });

  test("while no set is known, tries once a second and says when", async () => {
    const { load, has, clock, keys } = bench();
    load.mockRejectedValue(new Error("refused"));
    expect(await has(a)).toBeUndefined();
    expect(keys.retryAfterMs).toBe(1_000);
    await clock.advance(400);
    expect(await has(a)).toBeUndefined();
    expect(keys.retryAfterMs).toBe(600);
    expect(load).toHaveBeenCalledTimes(1);
    load.mockResolvedValue(jwks(a));
    await clock.advance(600);
    expect(await has(a)).toBe(true);
  });

  test.each(["refreshMs", "cooldownMs", "timeoutMs"])("rejects a %s out of range", (name) => {
    for (const value of [0, -1, NaN, 2 ** 31])
      expect(() => bench({ [name]: value })).toThrow(`keySet: ${name} must be a number`);
  });
});

describe("fixedKeys", () => {
  test("takes text and parsed JSON, and leaves out what verifies no signature", async () => {
    const others = [
      { ...b.jwk, use: "enc" },
      { ...b.jwk, d: "c2VjcmV0" },
      { kty: "oct", k: "c2VjcmV0", kid: "b" },
      { kty: "new", kid: "b" },
      null,
      1,
    ];
    for (const set of [{ keys: [...others, a.jwk] }, JSON.stringify({ keys: [...others, a.jwk] })]) {
      const keys = fixedKeys(set);
      expect(await keys.find(header(a))).toHaveLength(1);
      expect(await keys.find(header(b))).toHaveLength(0);
      expect(keysProblem(set)).toBeUndefined();
    }
  });

  test.each([
    ["text"],
    ["{}"],
    [{ keys: [] }],
    [{ keys: [{ ...b.jwk, use: "enc" }] }],
    [{ keys: [{ ...b.jwk, d: "c2VjcmV0" }] }],
    [{ keys: [{ kty: "oct", k: "c2VjcmV0" }] }],
    [{ keys: {} }],
    [null],
    [{ keys: Array.from({ length: 101 }, () => a.jwk) }],
  ])("rejects %j, without showing it", (set) => {
    const problem = "must be a JSON Web Key Set with at least one public key for signatures";
    expect(() => fixedKeys(set)).toThrow(`keys ${problem} (value not shown)`);
    expect(keysProblem(set)).toBe(problem);
  });
});

/** Sends requests as they are. */
const fetching = service("fetch", async ({ scheme, authority, path }: HttpRequest) => {
  try {
    const response = await fetch(`${scheme}://${authority}${path}`, { redirect: "manual" });
    return right(httpResponse(response.status, new Uint8Array(await response.arrayBuffer())));
  } catch (error) {
    return left(error);
  }
});

describe("fetchedKeys", () => {
  const answering = (result: Either<unknown, HttpResponse>) =>
    fetchedKeys(
      service("keys", async (_: HttpRequest) => result),
      "https://id.example/keys",
    )(new AbortController().signal);

  test("returns the text of the response", async () => {
    expect(await answering(right(httpResponse(200, jwks(a))))).toBe(jwks(a));
  });

  test.each<[string, Either<unknown, HttpResponse>]>([
    ["the keys cannot be requested", left({ _tag: "ConnectFailed" })],
    ["the keys were answered with status 503", right(httpResponse(503, "no"))],
    ["the keys were answered with status 304", right(httpResponse(304))],
    ["the keys cannot be read", right(httpResponse(200, bodyOf(new Uint8Array(300_000))))],
  ])("rejects: %s", async (message, result) => {
    await expect(answering(result)).rejects.toThrow(message);
  });

  test("rejects a URL that cannot be requested", () => {
    for (const url of ["ftp://id.example/", "keys"])
      expect(() =>
        fetchedKeys(
          service("keys", async (_: HttpRequest) => left(0)),
          url,
        ),
      ).toThrow(TypeError);
  });

  test("a server that rotates its keys, fails, and talks nonsense", async () => {
    const clock = virtualClock();
    let answer: RequestListener = (_request, response) => response.end(jwks(a));
    const server = createServer((request, response) => answer(request, response));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const keys: KeySet = keySet({ load: fetchedKeys(fetching, `${url}/keys`), clock });
    const tokens = await Promise.all([a, b].map((by) => sign(by, { ...valid(secondsOf(clock)), exp: 9e9 })));
    const passing = async (): Promise<readonly boolean[]> => {
      const cacheless = { issuers: [issuer([], { keys })], clock };
      const all = await call(cacheless, ...tokens.map((token) => asked(token)));
      return all.map(({ result }) => result._tag === "Right");
    };
    try {
      expect(await passing()).toEqual([true, false]);
      await clock.advance(30_000);
      answer = (_request, response) => response.end(jwks(b));
      // The new key is unknown, so that its token loads the set that no longer has the old one.
      expect(await passing()).toEqual([true, true]);
      expect(await passing()).toEqual([false, true]);
      for (const broken of [
        (_, response) => response.writeHead(500).end(),
        (_, response) => response.end("<html>"),
        (request) => request.socket.destroy(),
        (_, response) => response.writeHead(302, { location: "/elsewhere" }).end(),
      ] satisfies RequestListener[]) {
        await clock.advance(30_000);
        answer = broken;
        expect(await passing()).toEqual([false, true]);
      }
      await clock.advance(30_000);
      answer = (_request, response) => response.end(jwks(a, b));
      expect(await passing()).toEqual([true, true]);
    } finally {
      server.close();
    }
  });
});
