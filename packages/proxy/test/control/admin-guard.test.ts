import * as crypto from "node:crypto";
import { virtualClock } from "@pagoda/core/testing";
import { HttpHeaders, httpRequest } from "@pagoda/http";
import { pino } from "pino";
import { expect, test, vi } from "vitest";
import { AdminGuard } from "../../src/control/admin-guard.ts";

vi.mock("node:crypto", { spy: true });

const token = "0123456789abcdef0123456789abcdef";

function guarded() {
  const time = virtualClock();
  const lines: string[] = [];
  const log = pino({}, { write: (line: string) => void lines.push(line) });
  const guard = new AdminGuard({ clock: time, log, token: () => ({ file: "admin.token", token }) });
  const statusOf = (fields: readonly string[], address: string): number | undefined =>
    guard.refusal({
      ...httpRequest("http://127.0.0.1:9090/reload", { method: "POST" }),
      headers: new HttpHeaders(fields),
      peer: { address, port: 1 },
    })?.status;
  const status = (given: string, address: string = "10.0.0.1"): number | undefined =>
    statusOf(["authorization", `Bearer ${given}`], address);
  return { time, lines, status, statusOf };
}

test("ten wrong tokens of a client are answered, then one a second, and even the right one waits", async () => {
  const { time, status } = guarded();
  for (let at = 0; at < 10; at++) expect(status(`wrong${at}`)).toBe(401);
  expect([status("wrong"), status(token)]).toEqual([429, 429]);
  await time.advance(999);
  expect(status(token)).toBe(429);
  await time.advance(1);
  expect([status("wrong"), status(token)]).toEqual([401, 429]);
  await time.advance(10_000);
  expect(status(token)).toBeUndefined();
});

test("a client that guesses does not keep others from acting, but its whole IPv6 network waits", () => {
  const { status } = guarded();
  for (let at = 0; at < 11; at++) status("wrong", `2001:db8::${at}`);
  expect([status(token, "2001:db8::99"), status(token, "2001:db8:0:1::1")]).toEqual([429, undefined]);
});

test("guesses of many clients are remembered in bounded memory, and few are logged, without the token", () => {
  const { lines, status } = guarded();
  for (let at = 0; at < 3_000; at++) expect(status("guess", `10.1.${at >> 8}.${at & 255}`)).toBe(401);
  expect(lines).toHaveLength(10);
  expect(lines.join("")).not.toContain("guess");
});

test("two Authorization fields are refused, even if both have the token", () => {
  const { statusOf } = guarded();
  const right = ["authorization", `Bearer ${token}`];
  const wrong = ["authorization", "Bearer guess"];
  expect(statusOf([...right, ...wrong], "10.0.0.1")).toBe(401);
  expect(statusOf([...right, ...right], "10.0.0.1")).toBe(401);
  expect(statusOf(right, "10.0.0.1")).toBeUndefined();
});

test("tokens are compared in constant time, as digests of one length", () => {
  const { status } = guarded();
  const compare = vi.mocked(crypto.timingSafeEqual);
  for (const guess of ["0", token.slice(0, -1), `${token}0`, token]) {
    compare.mockClear();
    status(guess);
    expect(compare.mock.calls.map((digests) => digests.map(({ byteLength }) => byteLength))).toEqual([
      [32, 32],
    ]);
  }
});
