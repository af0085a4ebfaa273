import { isRight, type Service } from "@pagoda/core";
import { type VirtualClock, virtualClock } from "@pagoda/core/testing";
import type { HttpRequest } from "@pagoda/http";
import { TokenCache } from "@pagoda/jwt";
import { expect, test, vi } from "vitest";
import { around, asked, issuer, secondsOf, sign, signer, valid } from "./bench.ts";

const ec = await signer("ES256");

/** A layer that counts verifications. */
function counted(clock: VirtualClock, cache?: TokenCache) {
  const one = issuer([ec], { clockSkewMs: 0 });
  const find = vi.fn<typeof one.keys.find>((header) => one.keys.find(header));
  const issuers = [{ ...one, keys: { find, retryAfterMs: 0 } }];
  return { find, layered: around({ issuers, clock, ...(cache && { cache }) }) };
}

const passes = async (layered: Service<HttpRequest, unknown, unknown>, token: string): Promise<boolean> =>
  isRight(await layered.call(asked(token)));

test("a verified token is remembered for 60 s", async () => {
  const clock = virtualClock();
  const { layered, find } = counted(clock);
  const token = await sign(ec, valid(secondsOf(clock)));
  for (const [after, verifications] of [
    [0, 1],
    [59_999, 1],
    [1, 2],
    [1, 2],
  ] as const) {
    await clock.advance(after);
    expect(await passes(layered, token)).toBe(true);
    expect(find).toHaveBeenCalledTimes(verifications);
  }
});

test("a token is not remembered beyond its expiry", async () => {
  const clock = virtualClock();
  const { layered, find } = counted(clock);
  const token = await sign(ec, { ...valid(secondsOf(clock)), exp: secondsOf(clock) + 5 });
  expect(await passes(layered, token)).toBe(true);
  await clock.advance(4_900);
  expect(await passes(layered, token)).toBe(true);
  await clock.advance(1_000);
  expect(await passes(layered, token)).toBe(false);
  expect(find).toHaveBeenCalledTimes(2);
});

test("a token that is refused is not remembered", async () => {
  const clock = virtualClock();
  const { layered, find } = counted(clock);
  const token = await sign({ ...(await signer("ES256")), kid: ec.kid }, valid(secondsOf(clock)));
  for (let n = 0; n < 3; n++) expect(await passes(layered, token)).toBe(false);
  expect(find).toHaveBeenCalledTimes(3);
});

test("a remembered token is the whole token", async () => {
  const clock = virtualClock();
  const { layered } = counted(clock);
  const token = await sign(ec, valid(secondsOf(clock)));
  expect(await passes(layered, token)).toBe(true);
  const other = await sign(ec, { ...valid(secondsOf(clock)), aud: "billing" });
  const spliced = [...token.split(".").slice(0, 2), other.split(".")[2]].join(".");
  for (const each of [other, spliced, token.slice(0, -4)]) expect(await passes(layered, each)).toBe(false);
});

test("is bounded: the token that was verified first is forgotten", async () => {
  const clock = virtualClock();
  const cache = new TokenCache(2);
  const { layered, find } = counted(clock, cache);
  const now = secondsOf(clock);
  const [a, b, c] = (await Promise.all(["a", "b", "c"].map((sub) => sign(ec, { ...valid(now), sub })))) as [
    string,
    string,
    string,
  ];
  for (const token of [a, b, a, c, b, a]) {
    expect(await passes(layered, token)).toBe(true);
    expect(cache.size).toBeLessThanOrEqual(2);
  }
  // a, b, c, and a again.
  expect(find).toHaveBeenCalledTimes(4);
});

test("layers that accept the same tokens may share one", async () => {
  const clock = virtualClock();
  const cache = new TokenCache();
  const [former, next] = [counted(clock, cache), counted(clock, cache)];
  const token = await sign(ec, valid(secondsOf(clock)));
  expect(await passes(former.layered, token)).toBe(true);
  expect(await passes(next.layered, token)).toBe(true);
  expect(next.find).not.toHaveBeenCalled();
});

test("holds digests, not tokens", async () => {
  const clock = virtualClock();
  const add = vi.spyOn(TokenCache.prototype, "add");
  const token = await sign(ec, valid(secondsOf(clock)));
  await passes(counted(clock).layered, token);
  expect(add).toHaveBeenCalledTimes(1);
  expect(token).toContain(token.split(".")[2]);
  expect(JSON.stringify(add.mock.calls)).not.toContain(token.split(".")[2]);
  add.mockRestore();
});

test.each([-1, 1.5, NaN, 1_000_001])("rejects %d as the number of tokens", (maxTokens) => {
  expect(() => new TokenCache(maxTokens)).toThrow(
    "TokenCache: maxTokens must be an integer from 0 to 1000000",
  );
});
