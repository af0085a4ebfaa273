import { faultText } from "@pagoda/core";
import { expect, test } from "vitest";

const upstream = { origin: "upstream", retryable: true, processed: false } as const;

test("a fault is its tag in words, with its numbers and texts", () => {
  expect(faultText({ ...upstream, _tag: "ClientClosed" })).toBe("client closed");
  const facts = { status: 503, reason: "busy", isCut: true, headers: {}, retryAfterMs: undefined };
  expect(faultText({ ...upstream, _tag: "StatusError", ...facts })).toBe(
    'status error (status 503, reason "busy")',
  );
});

test("its upstream follows the tag", () => {
  const fault = { ...upstream, _tag: "ConnectFailed", upstream: "http://10.0.0.7", code: "ECONNREFUSED" };
  expect(faultText(fault)).toBe('connect failed at http://10.0.0.7 (code "ECONNREFUSED")');
});

test("its causes follow: errors, faults, and anything else", () => {
  const broken = { ...upstream, _tag: "BodyBroken", cause: new Error("read ECONNRESET") };
  expect(faultText({ ...upstream, _tag: "HTTP2Failed", code: 5, cause: broken })).toBe(
    "http2 failed (code 5): body broken: read ECONNRESET",
  );
  expect(faultText({ ...upstream, _tag: "Aborted", cause: "no" })).toBe('aborted: "no"');
});

test("a cause that contains itself ends", () => {
  const endless: { cause?: unknown } = { ...upstream, _tag: "Endless" } as object;
  endless.cause = endless;
  expect(faultText(endless)).toBe(Array.from({ length: 5 }, () => "endless").join(": "));
});

test("URLs are shown without credentials and queries", () => {
  const url = "https://ann:secret@a.example/b?token=secret";
  const text = faultText({ ...upstream, _tag: "UrlRefused", url, cause: new Error(`cannot read ${url}`) });
  expect(text).not.toContain("secret");
  expect(text).toContain("a.example/b");
});

test("an exception is its message, or its name without one", () => {
  expect(faultText(new TypeError("terminated"))).toBe("terminated");
  expect(faultText(new TypeError())).toBe("TypeError");
});
