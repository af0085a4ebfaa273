import type { Fault } from "@pagoda/core";
import { callNotes, httpRequest, upstreamOf } from "@pagoda/http";
import { expect, test } from "vitest";

const fault: Fault = { _tag: "Down", origin: "upstream", retryable: true };

test("each request has its own notes, shared with its copies", () => {
  const [one, two] = [httpRequest("http://a/"), httpRequest("http://a/")];
  expect(one.notes).toEqual(callNotes());
  expect(one.notes).not.toBe(two.notes);
  const copy = { ...one, method: "HEAD" };
  copy.notes.route = "cart";
  expect(one.notes.route).toBe("cart");
});

test("upstreamOf prefers the fault's upstream to the noted one", () => {
  const notes = { ...callNotes(), upstream: "http://noted:1" };
  expect(upstreamOf(notes, { ...fault, upstream: "http://failed:1" })).toBe("http://failed:1");
  expect(upstreamOf(notes, fault)).toBe("http://noted:1");
  expect(upstreamOf(notes, undefined)).toBe("http://noted:1");
  expect(upstreamOf(callNotes(), undefined)).toBeUndefined();
});
