import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

describe.each(["Node's Buffer", "no Buffer"])("with %s", (which) => {
  beforeEach(() => {
    vi.resetModules();
    if (which === "no Buffer") vi.stubGlobal("Buffer", undefined);
  });
  afterEach(() => void vi.unstubAllGlobals());
  const load = () => import("../src/bytes.ts");

  test("text is encoded as UTF-8", async () => {
    const { utf8Bytes } = await load();
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect([...utf8Bytes(text)]).toEqual([...new TextEncoder().encode(text)]);
      }),
    );
  });

  test("chunks are joined in new memory", async () => {
    const { concatBytes } = await load();
    fc.assert(
      fc.property(fc.array(fc.uint8Array()), (chunks) => {
        const joined = concatBytes(chunks);
        expect([...joined]).toEqual(chunks.flatMap((chunk) => [...chunk]));
        expect(chunks.some(({ buffer }) => buffer === joined.buffer)).toBe(false);
      }),
    );
  });

  test("memory is allocated apart from other memory", async () => {
    const { allocateBytes } = await load();
    expect(allocateBytes(10)).toHaveLength(10);
    expect(allocateBytes(10).buffer.byteLength).toBe(10);
  });
});
