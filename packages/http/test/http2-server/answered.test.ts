import { dataFrame, fieldsFrame, frame, frameFlag, frameType } from "@pagoda/http/testing";
import { expect, test } from "vitest";
import { setting } from "../../src/http2/frames.ts";
import { goaway, settingsFrame, windowUpdate } from "../http2/wire.ts";
import {
  block,
  type Case,
  continuation,
  data,
  get,
  head,
  headers,
  outcome,
  post,
  serving,
} from "./conversation.ts";

const { endStream, endHeaders, padded, priority } = frameFlag;
const yes = { statuses: { 1: "200" }, bodies: { 1: "yes" } };

serving();

/**
 * The sections are those of RFC 9113, unless another RFC is named. The list follows that of h2spec,
 * without its cases of priorities, which RFC 9113 has withdrawn (RFC 7540, 5.3.1).
 */
const answered: readonly Case[] = [
  ["3.4", "a request after the preface is answered", [get(1)], yes],
  [
    "4.1",
    "flags and types that are unknown are ignored",
    [frame(0x16, 0xff, 0, Buffer.alloc(8)), get(1)],
    yes,
  ],
  ["4.1", "the reserved bit is ignored", [frame(frameType.ping, 0, 2 ** 31, Buffer.alloc(8)), get(1)], yes],
  [
    "4.2",
    "DATA of the maximum size is accepted",
    [post(1, "/"), data(endStream, 1, Buffer.alloc(16_384))],
    yes,
  ],
  ["5.5", "an unknown frame before a request is ignored", [frame(0xee, 0, 0, Buffer.alloc(20)), get(1)], yes],
  [
    "6.1",
    "padding of DATA does not count as content",
    [post(1), data(padded | endStream, 1, Buffer.from("\x03ab\0\0\0"))],
    { statuses: { 1: "200" }, bodies: { 1: "ab" } },
  ],
  [
    "6.1",
    "an empty DATA frame ends a request",
    [post(1), dataFrame(1, "a", false), dataFrame(1, "", true)],
    { statuses: { 1: "200" }, bodies: { 1: "a" } },
  ],
  [
    "6.2",
    "HEADERS may have padding and a priority",
    [
      headers(
        padded | priority | endStream | endHeaders,
        1,
        Buffer.concat([Buffer.from([2, 0, 0, 0, 0, 9]), block(), Buffer.alloc(2)]),
      ),
    ],
    yes,
  ],
  [
    "6.2",
    "a header block may continue",
    [
      headers(endStream, 1, block().subarray(0, 5)),
      continuation(0, 1, block().subarray(5, 9)),
      continuation(endHeaders, 1, block().subarray(9)),
    ],
    yes,
  ],
  [
    "6.2",
    "a request with trailers is answered",
    [post(1), dataFrame(1, "a", false), fieldsFrame(1, [["x-a", "b"]], true)],
    { statuses: { 1: "200" }, bodies: { 1: "a" } },
  ],
  [
    "6.3",
    "PRIORITY is ignored, also on an idle stream",
    [frame(frameType.priority, 0, 1, Buffer.alloc(5)), get(1)],
    yes,
  ],
  ["6.5", "unknown settings are ignored", [settingsFrame([0xff, 1]), get(1)], yes],
  ["6.5.3", "settings may be empty", [settingsFrame(), get(1)], yes],
  [
    "6.7",
    "a PING with an acknowledgement is not answered",
    [frame(frameType.ping, 1, 0, Buffer.alloc(8)), get(1)],
    yes,
  ],
  [
    "6.9.1",
    "nothing is sent beyond the window of a stream",
    [settingsFrame([setting.initialWindowSize, 1]), get(1)],
    { statuses: { 1: "200" }, bodies: { 1: "y" } },
  ],
  [
    "6.9.2",
    "a change of the initial window applies to open streams",
    [settingsFrame([setting.initialWindowSize, 0]), get(1), settingsFrame([setting.initialWindowSize, 2])],
    { statuses: { 1: "200" }, bodies: { 1: "ye" } },
  ],
  [
    "6.9.2",
    "a window may become negative",
    [
      settingsFrame([setting.initialWindowSize, 2]),
      get(1),
      settingsFrame([setting.initialWindowSize, 0]),
      windowUpdate(1, 2),
    ],
    { statuses: { 1: "200" }, bodies: { 1: "ye" } },
  ],
  [
    "8.1",
    "a body ends with its Content-Length",
    [post(1, "/echo", ["content-length", "3"]), dataFrame(1, "ab", false), dataFrame(1, "c", true)],
    { statuses: { 1: "200" }, bodies: { 1: "abc" } },
  ],
  [
    "8.2.3",
    "cookies may be split",
    [fieldsFrame(1, [...head("/"), ["cookie", "a=b"], ["cookie", "c=d"]], true)],
    yes,
  ],
  [
    "RFC 7541, 4.2",
    "the size of the table may be updated at the beginning of a block",
    [headers(5, 1, Buffer.concat([Buffer.from([0x20, 0x3f, 0xe1, 0x1f]), block()]))],
    yes,
  ],
];

test.each(answered)("%s: %s", async (_section, _what, frames, expected) => {
  expect(await outcome(frames)).toEqual(expected);
});

test("6.8: a client that leaves gets its responses, and the connection closes after the last", async () => {
  expect(await outcome([post(1), goaway(0, 0), dataFrame(1, "a", true)])).toEqual({
    goaway: 0,
    statuses: { 1: "200" },
    bodies: { 1: "a" },
  });
});
