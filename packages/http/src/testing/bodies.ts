import assert from "node:assert/strict";
import { type Body, isBody } from "../body.ts";
import { httpRequest, httpResponse } from "../message.ts";
import { bodyFrom } from "../stream-body.ts";

/** A body whose end a rule looks at: `undefined` while neither read to its end nor cancelled. */
export interface Watched {
  readonly body: Body;
  readonly ended: () => boolean | undefined;
}

const pieces = ["some ", "bytes"];

/** Comes piece by piece, of a length that nobody knows beforehand. */
export function watchedBody(): Watched {
  const body = bodyFrom(pieces);
  let ended: boolean | undefined;
  body.observe((complete) => (ended = complete));
  return { body, ended: () => ended };
}

/** Reads a body, and looks whether it is the whole of a watched one. */
export async function assertWhole(message: unknown, whose: string): Promise<void> {
  const body = bodyOfMessage(message);
  assert.ok(body !== undefined, `${whose} has lost its body`);
  const read = await body.text();
  assert.ok(read._tag === "Right", `the body of ${whose} broke off`);
  assert.equal(read.right, pieces.join(""), `the body of ${whose} is another one`);
}

export function bodyOfMessage(message: unknown): Body | undefined {
  const body =
    typeof message === "object" && message !== null ? (message as { body?: unknown }).body : undefined;
  return isBody(body) ? body : undefined;
}

/** Makes requests with a given body: of the sample, of HTTP where there is no sample, of none where it has no body. */
export function requestsWith<Req>(sample: (() => Req) | undefined): ((body: Body) => Req) | undefined {
  if (sample === undefined) return (body) => httpRequest("http://a.example/", { method: "PUT", body }) as Req;
  return bodyOfMessage(sample()) === undefined ? undefined : (body) => ({ ...sample(), body });
}

/** Makes responses with a given body, as `requestsWith` does. */
export function responsesWith<Res>(sample: (() => Res) | undefined): ((body: Body) => Res) | undefined {
  if (sample === undefined) return (body) => httpResponse(200, body) as Res;
  return bodyOfMessage(sample()) === undefined ? undefined : (body) => ({ ...sample(), body });
}
