import { mockService } from "@pagoda/core/testing";
import {
  type HttpRequest,
  httpRequest,
  type HttpResponse,
  httpResponse,
  type Identified,
} from "@pagoda/http";
import { conformance } from "@pagoda/http/testing";
import { type Fault, faultOf, left, right } from "@pagoda/core";
import { describe, expect, test, vi } from "vitest";
import { type Answer, respond, type RespondObserver } from "@pagoda/respond";

interface Slow extends Fault<"Slow"> {
  readonly afterMs: number;
}
interface Down extends Fault<"Down"> {
  readonly upstream: string;
}
interface Other extends Fault<"Other"> {}

const slow: Slow = { _tag: "Slow", origin: "upstream", retryable: true, afterMs: 100 };
const down: Down = {
  _tag: "Down",
  origin: "upstream",
  retryable: true,
  upstream: "http://10.0.0.7:80",
  cause: new Error("connect ECONNREFUSED 10.0.0.7:80"),
};
const other: Other = { _tag: "Other", origin: "local", retryable: false };

const request = { ...httpRequest("http://shop.example/cart"), requestId: "id-1" };
const table = {
  Slow: ({ afterMs }: Slow) => ({ status: 504, message: `no answer within ${afterMs} ms` }),
  Down: { status: 503, message: "come back later", headers: { "retry-after": "1" } },
} as const;

/** Calls the layer around a mock once. */
async function bench(observer: RespondObserver = {}) {
  const mock = mockService<HttpRequest & Identified, HttpResponse, Slow | Down | Other>();
  const layered = respond(table, { observer })(mock.service);
  const result = layered.call(request);
  return { layered, result, call: await mock.next() };
}

/** Returns the response to an error of inner. */
async function answerTo(fault: Slow | Down | Other): Promise<HttpResponse> {
  const { result, call } = await bench();
  call.fail(fault);
  const settled = await result;
  if (settled._tag === "Left") throw new Error(`${fault._tag} was not answered`);
  return settled.right;
}

async function textOf({ body }: HttpResponse): Promise<string> {
  const read = await body.text();
  return read._tag === "Right" ? read.right : read.left._tag;
}

describe("respond", () => {
  conformance(test, () => respond(table), { request: () => request, response: () => httpResponse(200) });

  test("answers an error with status, message and request id", async () => {
    const response = await answerTo(down);
    expect(response.status).toBe(503);
    expect(await textOf(response)).toBe("503 come back later\nrequest id: id-1\n");
    expect([...response.headers]).toEqual([
      ["content-type", "text/plain; charset=utf-8"],
      ["retry-after", "1"],
    ]);
  });

  test("computes the answer from the error", async () => {
    const response = await answerTo(slow);
    expect(response.status).toBe(504);
    expect(await textOf(response)).toBe("504 no answer within 100 ms\nrequest id: id-1\n");
  });

  test("passes error and upstream to outer layers", async () => {
    expect(await answerTo(down)).toMatchObject({ fault: { ...down, upstream: "http://10.0.0.7:80" } });
    expect(faultOf(right(await answerTo(slow)))).toBe(slow);
  });

  test("does not expose the cause of an error", async () => {
    const response = await answerTo(down);
    const shown = (await textOf(response)) + response.headers.raw.join("\n");
    expect(shown).not.toMatch(/ECONNREFUSED|10\.0\.0\.7|Down/);
  });

  test("passes an error that is not in the table", async () => {
    const { result, call } = await bench();
    call.fail(other);
    expect(await result).toEqual(left(other));
  });

  test.each(["constructor", "__proto__", "toString"])("passes an error named %s", async (tag) => {
    const mock = mockService<HttpRequest & Identified, HttpResponse, Fault>();
    const result = respond(table)(mock.service).call(request);
    const fault = { ...other, _tag: tag };
    (await mock.next()).fail(fault);
    expect(await result).toEqual(left(fault));
  });

  test("passes an error that is not a fault", async () => {
    const mock = mockService<HttpRequest & Identified, HttpResponse, { readonly _tag: "Down" }>();
    const result = respond(table)(mock.service).call(request);
    (await mock.next()).fail({ _tag: "Down" });
    expect(await result).toEqual(left({ _tag: "Down" }));
  });

  test("passes responses unchanged", async () => {
    const { result, call } = await bench();
    const response = httpResponse(418);
    call.answer(response);
    const settled = await result;
    expect(settled).toEqual(right(response));
  });

  test("reports exactly the answered errors to the observer", async () => {
    const answered = vi.fn<NonNullable<RespondObserver["answered"]>>();
    for (const fault of [down, other]) {
      const { result, call } = await bench({ answered });
      call.fail(fault);
      await result;
    }
    expect(answered.mock.calls).toEqual([[down, request, table.Down]]);
    expect(answered.mock.calls[0]?.[0].cause).toBe(down.cause);
  });

  test.each([0, 101, 199, 600, 200.5, NaN])(
    "defect: accepted the status %d, which no server can send",
    async (status) => {
      const answer: Answer = { status, message: "odd" };
      expect(() => respond({ Down: answer })).toThrow(RangeError);
      expect(() => respond({ Down: answer })).toThrow(
        `respond: status for Down must be an integer from 200 to 599 (got ${status})`,
      );
      const mock = mockService<HttpRequest & Identified, HttpResponse, Down>();
      const result = respond({ Down: () => answer })(mock.service).call(request);
      (await mock.next()).fail(down);
      await expect(result).rejects.toThrow(
        `status for Down must be an integer from 200 to 599 (got ${status})`,
      );
    },
  );

  test("describes the answered errors", async () => {
    const { layered } = await bench();
    expect(layered.describe()).toMatchObject({
      name: "respond",
      options: { errors: ["Slow", "Down"], format: "text" },
    });
  });
});
