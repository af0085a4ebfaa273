import type { CallRequest } from "@pagoda/client";
import { idempotent } from "@pagoda/core";
import { conformance } from "@pagoda/http/testing";
import { HttpHeaders, httpRequest } from "@pagoda/http";
import { describe, test } from "vitest";
import { callTimeout } from "../src/call-timeout.ts";
import { defaultHeaders } from "../src/default-headers.ts";
import { repeatable, retries } from "../src/repeat.ts";
import { wholeBody } from "../src/whole-body.ts";

function request(changes: Partial<CallRequest> = {}): CallRequest {
  return { ...httpRequest("http://shop.example/"), ...changes };
}
const replayable = (changes: Partial<CallRequest> = {}) => ({ ...request(changes), replay: idempotent });

describe("the limit of a call", () => {
  conformance(test, ({ clock }) => callTimeout(100_000, clock));
});

describe("the limit of a call that has its own", () => {
  conformance(test, ({ clock }) => callTimeout(undefined, clock), {
    request: () => request({ timeoutMs: 100_000 }),
  });
});

describe("default headers", () => {
  conformance(test, () => defaultHeaders(HttpHeaders.of({ "x-shop": "1" }), undefined), {
    changes: { request: ["headers"] },
  });
});

describe("repeatable", () => {
  conformance(test, () => repeatable(undefined), { changes: { request: ["body"] } });
});

describe("repeatable for a call that asks for it", () => {
  conformance(test, () => repeatable(undefined), {
    request: () => request({ method: "POST", retry: true }),
    changes: { request: ["body"] },
  });
});

describe("retries", () => {
  conformance(test, ({ clock, random }) => retries({ clock, random }), { request: () => replayable() });
});

describe("retries for a call that turns them off", () => {
  conformance(test, ({ clock, random }) => retries({ clock, random }), {
    request: () => replayable({ retry: false }),
  });
});

describe("the whole body", () => {
  conformance(test, () => wholeBody());
});

describe("the whole body of a call that asks for it", () => {
  conformance(test, () => wholeBody(), {
    request: () => request({ maxBytes: 1_000 }),
    changes: { response: ["body"] },
  });
});
