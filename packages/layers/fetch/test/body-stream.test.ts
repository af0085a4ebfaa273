import { settled } from "@pagoda/core/testing";
import { bodyFrom, bodyOf, HttpHeaders } from "@pagoda/http";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { streamOf } from "../src/body-stream.ts";
import { ScriptedBody } from "./bodies.ts";

const textOf = (stream: ReadableStream<Uint8Array>): Promise<string> => new Response(stream).text();

describe("streamOf", () => {
  test("yields the body's bytes, however they are chunked", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string()), async (pieces) => {
        expect(await textOf(streamOf(bodyFrom(pieces)))).toBe(pieces.join(""));
      }),
    );
    expect(await textOf(streamOf(bodyOf("whole")))).toBe("whole");
  });

  test("does not touch the body before it is read", async () => {
    const body = new ScriptedBody();
    const reader = streamOf(body).getReader();
    await settled();
    expect(body.isPiped).toBe(false);
    void reader.read();
    expect(body.isPiped).toBe(true);
  });

  test("resumes the source once per read", async () => {
    const body = new ScriptedBody();
    const reader = streamOf(body).getReader();
    const first = reader.read();
    await settled();
    body.write("a");
    expect((await first).value).toEqual(Buffer.from("a"));
    await settled();
    expect([body.answers, body.resumed]).toEqual([[false], 0]);
    void reader.read();
    await settled();
    expect(body.resumed).toBe(1);
  });

  // A reader with two pending reads pulls the second chunk while the first is enqueued.
  test("accepts further chunks at once while reads are pending", async () => {
    const body = new ScriptedBody();
    const reader = streamOf(body).getReader();
    const reads = [reader.read(), reader.read(), reader.read()];
    for (const piece of ["a", "b", "c"]) {
      await settled();
      body.write(piece);
    }
    expect((await Promise.all(reads)).map(({ value }) => String(value))).toEqual(["a", "b", "c"]);
    expect(body.answers).toEqual([true, true, false]);
    expect(body.resumed).toBe(0);
  });

  test("skips empty chunks and drops trailers", async () => {
    const body = new ScriptedBody();
    const text = textOf(streamOf(body));
    await settled();
    body.write("");
    body.write("a");
    await settled();
    body.end(HttpHeaders.of({ "x-trailer": "b" }));
    expect(await text).toBe("a");
  });

  test("errors when the body breaks off", async () => {
    const body = new ScriptedBody();
    const text = textOf(streamOf(body));
    await settled();
    body.breakOff();
    await expect(text).rejects.toMatchObject({ name: "TypeError", cause: { _tag: "BodyBroken" } });
  });

  test("cancels the body when it is cancelled, whether it was read or not", async () => {
    const [unread, read] = [new ScriptedBody(), new ScriptedBody()];
    await streamOf(unread).cancel("enough");
    const reader = streamOf(read).getReader();
    void reader.read();
    await reader.cancel("enough");
    expect([unread.cancelledWith, read.cancelledWith]).toEqual([["enough"], ["enough"]]);
  });

  test.each([true, false])("errors when the signal aborts (read: %s)", async (isRead) => {
    const body = new ScriptedBody();
    const controller = new AbortController();
    const reader = streamOf(body, controller.signal).getReader();
    const first = isRead ? reader.read() : undefined;
    const reason = new Error("enough");
    controller.abort(reason);
    await expect(first ?? reader.read()).rejects.toBe(reason);
    expect(body.cancelledWith).toEqual([reason]);
  });

  test("errors at once if the signal is already aborted", async () => {
    const body = new ScriptedBody();
    const reason = new Error("enough");
    await expect(textOf(streamOf(body, AbortSignal.abort(reason)))).rejects.toBe(reason);
    expect(body.cancelledWith).toEqual([reason]);
  });
});
