import { mockService } from "@pagoda/core/testing";
import { type HttpRequest, httpRequest, httpResponse, type HttpResponse } from "@pagoda/http";
import { conformance } from "@pagoda/http/testing";
import * as fc from "fast-check";
import { left, right } from "@pagoda/core";
import { describe, expect, test } from "vitest";
import { keyedConcurrencyLimit, type KeyedConcurrencyLimited } from "@pagoda/concurrency-limit";

const refusal: KeyedConcurrencyLimited = {
  _tag: "KeyedConcurrencyLimited",
  origin: "local",
  retryable: true,
  limit: 1,
};

/** The key is the part before the colon. */
const key = (request: string): string | undefined => request.split(":")[0] || undefined;

describe("keyedConcurrencyLimit", () => {
  conformance(test, () => keyedConcurrencyLimit({ limit: 10, key: () => "a" }));

  test("refuses a call beyond the limit of its key, notifies the observer, and does not affect other keys", async () => {
    const refusals: unknown[] = [];
    const mock = mockService<string, number>();
    const observer = { refused: (...event: unknown[]) => refusals.push(event) };
    const layered = keyedConcurrencyLimit({ limit: 1, key, observer })(mock.service);
    const first = layered.call("a:1");
    expect(await layered.call("a:2")).toEqual(left(refusal));
    expect(refusals).toEqual([[refusal, "a:2"]]);
    const other = layered.call("b:1");
    const nobody = [layered.call(":1"), layered.call(":2")];
    for (let at = 1; at <= 4; at++) (await mock.next()).answer(at);
    expect(await Promise.all([first, other, ...nobody])).toEqual([right(1), right(2), right(3), right(4)]);
    const again = layered.call("a:3");
    (await mock.next()).answer(5);
    expect(await again).toEqual(right(5));
    expect(layered.describe()).toMatchObject({ options: { limit: 1 }, state: { keys: 0 } });
  });

  test("notifies the observer how much of the limit of its key an admitted call finds in use", () => {
    const seen: unknown[] = [];
    const layered = keyedConcurrencyLimit({
      limit: 3,
      key,
      observer: { admitted: ({ inFlight, limit }, request) => seen.push([request, inFlight, limit]) },
    })(mockService<string, number>().service);
    for (const request of ["a:1", "a:2", "b:1", ":1"]) void layered.call(request);
    expect(seen).toEqual([
      ["a:1", 1, 3],
      ["a:2", 2, 3],
      ["b:1", 1, 3],
    ]);
  });

  test("with endWhen, an HTTP call is in flight until its response has been read", async () => {
    const mock = mockService<HttpRequest, HttpResponse>();
    const layered = keyedConcurrencyLimit<HttpRequest, HttpResponse>({
      limit: 1,
      key: () => "client",
      endWhen: (response, end) => response.body.observe(end),
    })(mock.service);
    const request = httpRequest("http://shop.example/");
    const result = layered.call(request);
    (await mock.next()).answer(httpResponse(200, "body"));
    const answered = await result;
    expect(await layered.call(request)).toEqual(left(refusal));
    if (answered._tag === "Right") await answered.right.body.text();
    const next = layered.call(request);
    (await mock.next()).answer(httpResponse(200));
    expect((await next)._tag).toBe("Right");
    expect(layered.describe().state).toEqual({ keys: 0 });
  });

  test("layers with the same counts share the limit", async () => {
    const counts = new Map<string, number>();
    const mocks = [mockService<string, number>(), mockService<string, number>()] as const;
    const [one, two] = mocks.map(({ service }) => keyedConcurrencyLimit({ limit: 1, key, counts })(service));
    const first = one?.call("a:1");
    expect(await two?.call("a:2")).toEqual(left(refusal));
    (await mocks[0].next()).answer(1);
    await first;
    expect(counts.size).toBe(0);
  });

  test("frees the slot of a call that fails, rejects or throws, or whose endWhen throws", async () => {
    const counts = new Map<string, number>();
    const defect = new Error("a mistake");
    const limited = (call: () => Promise<never>) =>
      keyedConcurrencyLimit({ limit: 1, key, counts })({ ...mockService<string, number>().service, call });
    await expect(limited(() => Promise.reject(defect)).call("a")).rejects.toBe(defect);
    const thrower = limited(() => {
      throw defect;
    });
    await expect(thrower.call("a")).rejects.toBe(defect);
    const mock = mockService<string, number>();
    const broken = keyedConcurrencyLimit<string, number>({
      limit: 1,
      key,
      counts,
      endWhen() {
        throw defect;
      },
    })(mock.service);
    const result = broken.call("a");
    (await mock.next()).answer(1);
    await expect(result).rejects.toBe(defect);
    expect(counts.size).toBe(0);
  });

  test("property: no key exceeds its limit, and nothing is left behind", async () => {
    const steps = fc.array(fc.record({ key: fc.constantFrom("a", "b", "c"), ends: fc.boolean() }), {
      maxLength: 60,
    });
    await fc.assert(
      fc.asyncProperty(steps, fc.integer({ min: 1, max: 3 }), async (all, limit) => {
        const counts = new Map<string, number>();
        const mock = mockService<string, number>();
        const layered = keyedConcurrencyLimit({ limit, key, counts })(mock.service);
        const open: {
          readonly name: string;
          readonly answer: () => void;
          readonly result: Promise<unknown>;
        }[] = [];
        for (const { key: name, ends } of all) {
          const mine = open.filter((call) => call.name === name).length;
          const result = layered.call(`${name}:`);
          let refused: unknown;
          if (mine < limit) {
            const { answer } = await mock.next();
            open.push({ name, answer: () => answer(1), result });
          } else refused = await result;
          expect(refused).toEqual(mine < limit ? undefined : left({ ...refusal, limit }));
          expect(counts.get(name) ?? 0).toBeLessThanOrEqual(limit);
          const oldest = ends ? open.shift() : undefined;
          oldest?.answer();
          await oldest?.result;
        }
        for (const { answer } of open) answer();
        await Promise.all(open.map(({ result }) => result));
        expect(counts.size).toBe(0);
      }),
    );
  });

  test.each([0, 1.5, NaN])("rejects a limit of %d", (limit) => {
    expect(() => keyedConcurrencyLimit({ limit, key })).toThrow(RangeError);
  });
});
