import type { ConnectFailed, ConnectionBroken } from "@pagoda/transport";
import { describe, expect, test } from "vitest";
import { ownAnswers as answers } from "../../src/policies/own-answers.ts";

const connectFailed = (origin: "local" | "upstream", code: string): ConnectFailed => ({
  _tag: "ConnectFailed",
  origin,
  retryable: true,
  upstream: "http://a",
  code,
});

describe("a connection failure is answered with", () => {
  test.each(["ECONNREFUSED", "ENOTFOUND", "ENDED"])("502: %s", (code) => {
    expect(answers.ConnectFailed(connectFailed("upstream", code))).toMatchObject({ status: 502 });
  });

  test("504 after a timeout", () => {
    expect(answers.ConnectFailed(connectFailed("upstream", "CONNECT_TIMEOUT"))).toMatchObject({
      status: 504,
    });
  });

  test.each(["EMFILE", "EADDRNOTAVAIL", "CLOSED"])("503 if the cause is local: %s", (code) => {
    const answer = answers.ConnectFailed(connectFailed("local", code));
    expect(answer).toMatchObject({ status: 503, headers: { "retry-after": "1" } });
  });
});

test("a malformed response is distinguished from a closed connection", () => {
  const broken = (code: string): ConnectionBroken => ({
    ...connectFailed("upstream", code),
    _tag: "ConnectionBroken",
  });
  expect(answers.ConnectionBroken(broken("MALFORMED")).message).toBe(
    "the upstream sent a malformed response",
  );
  expect(answers.ConnectionBroken(broken("ENDED")).message).toMatch("closed the connection");
});
