import { randomBytes } from "node:crypto";
import type { Body, BodyFlow } from "@pagoda/http";
import { settled } from "@pagoda/core/testing";
import { expect, test } from "vitest";
import { client, httpOrigin, request, responseOf } from "./origin.ts";

const mebibyte = 1_048_576;
const content = randomBytes(8 * mebibyte);

/** Compares each chunk while it is lent. */
function borrowing(body: Body, memory: Set<ArrayBufferLike>): Promise<number> {
  return new Promise((resolve, reject) => {
    let at = 0;
    body.pipe({
      write: (chunk) => look(chunk),
      writeLent(chunk) {
        memory.add(chunk.buffer);
        return look(chunk);
      },
      end: () => resolve(at),
      fail: reject,
    });
    function look(chunk: Uint8Array): boolean {
      if (!content.subarray(at, at + chunk.length).equals(chunk))
        reject(new Error(`wrong bytes from ${at} on`));
      at += chunk.length;
      return true;
    }
  });
}

/** Keeps every other chunk and pauses after it. */
function keeping(body: Body): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    const flow: BodyFlow = body.pipe({
      write(chunk) {
        chunks.push(chunk);
        void settled().then(() => flow.resume());
        return false;
      },
      writeLent(chunk, loan) {
        if (chunks.length % 2 === 0) {
          chunks.push(Buffer.from(chunk));
          return true;
        }
        loan.keep();
        return this.write(chunk);
      },
      end: () => resolve(Buffer.concat(chunks)),
      fail: reject,
    });
  });
}

test.each(["of known length", "in chunks"])(
  "long responses %s: readers that borrow, keep and collect, all at once, get their bytes",
  async (how) => {
    const { url } = await httpOrigin((_, out) => {
      if (how === "of known length") out.setHeader("content-length", content.length);
      // Larger writes than reads, and no multiple of them.
      for (let at = 0; at < content.length; at += 300_007) out.write(content.subarray(at, at + 300_007));
      out.end();
    });
    const origin = client(url);
    const memory = new Set<ArrayBufferLike>();
    const bodies = await Promise.all(
      Array.from({ length: 6 }, async () => (await responseOf(origin.call(request()))).body),
    );
    const [first, second, third, fourth, fifth, sixth] = bodies as [Body, Body, Body, Body, Body, Body];
    const collected = [fifth, sixth].map((body) => body.bytes({ maxBytes: content.length }));
    const lengths = [first, second].map((body) => borrowing(body, memory));
    const kept = [third, fourth].map(keeping);
    expect(await Promise.all(lengths)).toEqual([content.length, content.length]);
    for (const bytes of await Promise.all(kept)) expect(bytes.equals(content)).toBe(true);
    for (const bytes of await Promise.all(collected))
      expect(bytes._tag === "Right" && content.equals(bytes.right)).toBe(true);
    // Each response had its own memory and used it again, instead of new memory for each read.
    expect(memory.size).toBeGreaterThan(0);
    expect(memory.size).toBeLessThan(20);
  },
);
