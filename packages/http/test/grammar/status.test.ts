import { isBodiless, isBodilessStatus, opensTunnel } from "@pagoda/http/grammar";
import { expect, test } from "vitest";

test.each([
  ["GET", 200, false],
  ["GET", 204, true],
  ["POST", 304, true],
  ["HEAD", 200, true],
  ["GET", 205, false],
])("a response to %s with status %d is bodiless: %s", (method, status, expected) => {
  expect(isBodiless(method, status)).toBe(expected);
  expect(isBodilessStatus(status)).toBe(expected && method !== "HEAD");
});

test.each([
  [{ method: "CONNECT" }, 200, true],
  [{ method: "CONNECT" }, 299, true],
  [{ method: "CONNECT" }, 101, false],
  [{ method: "CONNECT" }, 407, false],
  [{ method: "GET", upgrade: "websocket" }, 101, true],
  [{ method: "GET", upgrade: "websocket" }, 200, false],
  [{ method: "GET" }, 101, false],
])("a response to %j with status %d opens a tunnel: %s", (request, status, expected) => {
  expect(opensTunnel(request, status)).toBe(expected);
});
