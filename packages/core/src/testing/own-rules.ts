import assert from "node:assert/strict";
import type { Rule } from "./layer-rules.ts";

/**
 * Rules for requests that a layer ends without calling inner.
 *
 * @param how How it ends them: `refused` with an error, `answered` with a response.
 */
export function ownRules<Req, Res>(
  check: Rule<Req, Res>,
  how: "refused" | "answered",
  request: () => Req,
): void {
  const tag = how === "refused" ? "Left" : "Right";

  check(`a request to be ${how} is ${how} without inner, ready or not`, async ({ mock, layered, signal }) => {
    for (const limit of [Infinity, 0]) {
      mock.admit(limit);
      const result = layered.call(request(), signal);
      await mock.expectNoCall();
      assert.equal((await result)._tag, tag, `the request was not ${how}`);
      await mock.expectNoCall();
    }
  });

  check(`a request to be ${how} settles when it is aborted`, async ({ mock, layered, controller }) => {
    const { signal } = controller;
    const result = layered.call(request(), signal);
    controller.abort();
    await result;
    await layered.call(request(), signal);
    await mock.expectNoCall();
  });
}
