import { formatValue, redactUrl } from "@pagoda/core";
import { expect, test } from "vitest";

test.each([
  ["http://10.0.0.7:81", "http://10.0.0.7:81"],
  ["https://ann@a.example/b", "https://(not shown)@a.example/b"],
  ["https://ann:p@ss@a.example/b?c=d#e", "https://(not shown)@a.example/b?(not shown)"],
  ["https://a.example/b#token", "https://a.example/b#(not shown)"],
  ["http://a:b@c,http://d:e@f", "http://(not shown)@c,http://(not shown)@f"],
  ["/health", "/health"],
  ["http://[::1]:81/a", "http://[::1]:81/a"],
  ["http://a.example:", "http://a.example:"],
  ["a.example?token=1", "a.example?(not shown)"],
  ["hook:1?token=1#2", "hook:1?(not shown)"],
  // Not a URL.
  ["#", "#"],
  ["what?", "what?"],
  ["issue #1 of a.example#token", "issue #1 of a.example#(not shown)"],
  // Common mistakes.
  ["https:/ann:secret@a.example", "https:/(not shown)@a.example"],
  ["https:ann:secret@a.example", "https:(not shown)@a.example"],
  ["HTTPS://ann:secret@a.example", "HTTPS://(not shown)@a.example"],
  ["https://ann:secret.a.example/b", "https://ann:(not shown)/b"],
  ["https://ann:1secret.a.example", "https://ann:(not shown)"],
  ["http://[::1]:secret", "http://[::1]:(not shown)"],
])("%s is shown as %s", (url, expected) => {
  expect(redactUrl(url)).toBe(expected);
});

test("defect: the message of an invalid value showed its password", () => {
  expect(formatValue({ key: "http://ann:hunter@a.example" }, 100)).toBe(
    '{"key":"http://(not shown)@a.example"}',
  );
  expect(formatValue({ "http://ann:hunter@a.example": 1 }, 100)).toBe('{"http://(not shown)@a.example":1}');
  expect(formatValue([`http://ann:hunter${"x".repeat(100)}@a.example`])).toBe(
    '["http://(not shown)@a.example"]',
  );
});
