import { left } from "@pagoda/core";
import { settled } from "@pagoda/core/testing";
import { bodyFrom } from "@pagoda/http";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type CacheStore, memoryStore, type StoredResponse } from "@pagoda/cache";
import { bench, origin } from "./bench.ts";

const fresh = { "cache-control": "max-age=60" };

function stored(bytes: number): StoredResponse {
  return {
    status: 200,
    headers: [],
    body: new Uint8Array(bytes),
    selectedBy: [],
    receivedAt: 0,
    initialAgeMs: 0,
  };
}

/** A store whose answers come a tick later, in the form in which a database would have them. */
function remote(): CacheStore & { readonly entries: Map<string, unknown> } {
  const entries = new Map<string, readonly StoredResponse[]>();
  return {
    entries,
    get: async (key) => (await settled(), structuredClone(entries.get(key))),
    put: async (key, variants) => (await settled(), void entries.set(key, structuredClone(variants))),
    delete: async (key) => (await settled(), void entries.delete(key)),
  };
}

describe("memoryStore", () => {
  test("drops what was not used for the longest time", () => {
    const store = memoryStore({ maxBytes: 3_500 });
    for (const key of ["a", "b"]) store.put(key, [stored(1_000)]);
    store.get("a");
    store.put("c", [stored(1_000)]);
    expect(["a", "b", "c"].map((key) => store.get(key) !== undefined)).toEqual([true, false, true]);
    store.put("d", [stored(10_000)]);
    expect(store.get("d")).toBeUndefined();
    store.put("a", [stored(10_000)]);
    expect(store.get("a")).toBeUndefined();
    store.delete("c");
    expect(store.state?.()).toEqual({ entries: 0, bytes: 0 });
  });

  test("property: never exceeds its bytes, and counts them exactly", () => {
    const step = fc.record({
      key: fc.constantFrom("a", "b", "c", "d"),
      act: fc.constantFrom("put", "get", "delete"),
      sizes: fc.array(fc.nat(2_000), { maxLength: 3 }),
    });
    fc.assert(
      fc.property(fc.array(step), fc.nat(6_000), (steps, maxBytes) => {
        const store = memoryStore({ maxBytes });
        for (const { key, act, sizes } of steps) {
          if (act === "put") store.put(key, sizes.map(stored));
          else store[act](key);
          expect(store.state?.()["bytes"]).toBeLessThanOrEqual(maxBytes);
        }
        for (const key of ["a", "b", "c", "d"]) store.delete(key);
        expect(store.state?.()).toEqual({ entries: 0, bytes: 0 });
      }),
    );
  });

  test.each([-1, 1.5, NaN])("rejects %d as maxBytes", (maxBytes) => {
    expect(() => memoryStore({ maxBytes })).toThrow(
      `memory-store: maxBytes must be an integer of at least 0 (got ${maxBytes})`,
    );
  });
});

describe("a store with promises", () => {
  test("stores, validates and invalidates", async () => {
    const store = remote();
    const { layered, request, mock, clock } = bench({ store });
    const call = async (answer?: ReturnType<typeof origin>, method = "GET") => {
      const result = layered.call(request({ method }));
      for (let tick = 0; tick < 5; tick++) await settled();
      if (answer !== undefined) (await mock.next()).answer(answer);
      const given = await result;
      for (let tick = 0; tick < 5; tick++) await settled();
      return given._tag === "Right" ? await given.right.body.text() : given;
    };
    await call(origin({ ...fresh, etag: '"1"' }));
    expect(await call()).toMatchObject({ right: "content" });
    await clock.advance(60_000);
    expect(await call(origin(fresh, "", 304))).toMatchObject({ right: "content" });
    expect(await call()).toMatchObject({ right: "content" });
    await call(origin({}, "", 204), "PUT");
    expect(store.entries.size).toBe(0);
    expect(await call(origin(fresh, "new"))).toMatchObject({ right: "new" });
  });

  test("a request joins until the response has been stored", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const store: CacheStore = { get: () => undefined, put: () => promise, delete: () => {} };
    const { layered, request, mock } = bench({ store });
    const call = async () => {
      const given = await layered.call(request({}));
      return given._tag === "Right" && (await given.right.body.text());
    };
    const first = call();
    (await mock.next()).answer(origin(fresh, bodyFrom(["content"])));
    await first;
    await settled();
    expect(await call()).toMatchObject({ right: "content" });
    resolve();
    await settled();
    void call();
    expect(mock.calls).toHaveLength(2);
  });

  test("a response to a write waits for the invalidation", async () => {
    let isDeleted = false;
    const store: CacheStore = { ...remote(), delete: async () => (await settled(), void (isDeleted = true)) };
    const { ask } = bench({ store });
    await ask({ method: "PUT" }, origin({}, "", 204));
    expect(isDeleted).toBe(true);
  });

  test("the origin's readiness is asked again after the lookup", async () => {
    const { layered, request, mock, clock } = bench({ store: remote() });
    const result = layered.call(request({}));
    mock.admit(0);
    for (let tick = 0; tick < 5; tick++) await settled();
    expect(mock.calls).toHaveLength(0);
    mock.admit(1);
    (await mock.next()).answer(origin());
    expect((await result)._tag).toBe("Right");
    expect([mock.uninvited, clock.pending]).toEqual([0, 0]);
  });
});

describe("a store that fails", () => {
  const failure = new Error("no connection");
  const fails = (): never => {
    throw failure;
  };
  const rejects = (): Promise<never> => Promise.reject(failure);

  test.each([
    ["throws", { get: fails, put: fails, delete: fails }],
    ["rejects", { get: rejects, put: rejects, delete: rejects }],
    ["throws at put", { get: () => undefined, put: fails, delete: fails }],
    ["rejects at put", { get: () => undefined, put: rejects, delete: rejects }],
  ])("and %s leaves the calls as they are, and is reported", async (_, store: CacheStore) => {
    const errors: unknown[] = [];
    const { ask } = bench({ store, observer: { storeFailed: (error) => void errors.push(error) } });
    expect((await ask({}, origin(fresh))).body).toBe("content");
    await settled();
    expect((await ask({ method: "POST" }, origin({}, "done"))).body).toBe("done");
    await settled();
    expect(errors.length).toBeGreaterThanOrEqual(2);
    expect(new Set(errors)).toEqual(new Set([failure]));
  });

  test("does not hide the origin's errors", async () => {
    const { layered, request, mock } = bench({ store: { get: rejects, put: rejects, delete: rejects } });
    const result = layered.call(request({}));
    const down = { _tag: "Down", origin: "upstream", retryable: true } as const;
    (await mock.next()).fail(down);
    expect(await result).toEqual(left(down));
  });
});
