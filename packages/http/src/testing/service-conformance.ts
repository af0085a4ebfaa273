import assert from "node:assert/strict";
import {
  type DefineTest,
  type LeafUnderTest,
  serviceConformance as coreServiceConformance,
  type ServiceConformanceOptions,
} from "@pagoda/core/testing";
import { isRight } from "@pagoda/core";
import { bodyOfMessage } from "./bodies.ts";

/**
 * Runs the suite of `@pagoda/core/testing` for leaf services, and reads the bodies of HTTP
 * responses to their end.
 *
 * @param makeLeaf Makes a new leaf for each rule.
 */
export function serviceConformance<Req, Res>(
  test: DefineTest,
  makeLeaf: () => LeafUnderTest<Req, Res> | Promise<LeafUnderTest<Req, Res>>,
  options?: ServiceConformanceOptions,
): void {
  coreServiceConformance(test, async () => ({ read, ...(await makeLeaf()) }), options);
}

async function read(response: unknown): Promise<void> {
  const whole = await bodyOfMessage(response)?.bytes({ maxBytes: Infinity });
  assert.ok(whole === undefined || isRight(whole), "the body of the response broke off");
}
