import assert from "node:assert/strict";
import { type Body, isBody } from "../body.ts";
import { httpRequest, httpResponse } from "../message.ts";
import { bodyFrom } from "../body-from.ts";

/**
 * A body whose end a rule checks: `undefined` while it is neither read to its end nor cancelled.
 */
export interface Watched {
  readonly body: Body;
  readonly ended: () => boolean | undefined;
}

const pieces = ["some ", "bytes"];

/** Makes a body that arrives in chunks and has no known length. */
export function watchedBody(): Watched {
  return watched(bodyFrom(pieces));
}

export function watched(body: Body): Watched {
  let ended: boolean | undefined;
  body.observe((complete) => (ended = complete));
  return { body, ended: () => ended };
}

/** Asserts that a message has the whole content of a watched body. */
export async function assertWhole(message: unknown, whose: string): Promise<void> {
  const body = bodyOfMessage(message);
  assert.ok(body !== undefined, `${whose} lost its body`);
  const read = await body.text();
  assert.ok(read._tag === "Right", `the body of ${whose} broke off`);
  assert.equal(read.right, pieces.join(""), `the body of ${whose} was changed`);
}

export function bodyOfMessage(message: unknown): Body | undefined {
  const body =
    typeof message === "object" && message !== null ? (message as { body?: unknown }).body : undefined;
  return isBody(body) ? body : undefined;
}

/**
 * Makes requests with a given body from the sample, or HTTP requests without a sample; `undefined`
 * if it has no body.
 */
export function requestsWith<Req>(sample: (() => Req) | undefined): ((body: Body) => Req) | undefined {
  if (sample === undefined) return (body) => httpRequest("http://a.example/", { method: "PUT", body }) as Req;
  return bodyOfMessage(sample()) === undefined ? undefined : (body) => ({ ...sample(), body });
}

/** Makes responses with a given body, like `requestsWith`. */
export function responsesWith<Res>(sample: (() => Res) | undefined): ((body: Body) => Res) | undefined {
  if (sample === undefined) return (body) => httpResponse(200, body) as Res;
  return bodyOfMessage(sample()) === undefined ? undefined : (body) => ({ ...sample(), body });
}
