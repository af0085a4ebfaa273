import { describe, expect, test } from "vitest";
import { bareOrigin, client, request, responseOf } from "./origin.ts";

/** Returns the response to these bytes of an origin. */
async function received(said: readonly string[]) {
  const origin = await bareOrigin();
  const result = client(origin.url).call(request());
  const connection = await origin.next();
  await connection.head();
  connection.say(...said);
  return responseOf(result);
}

describe("a response", () => {
  test.each([
    ["defect: of bytes other than UTF-8 was lost", "\xe9t\xe9", "\xe9t\xe9"],
    ["defect: in UTF-8 was decoded to characters not allowed in fields", "Z\xc5\x82oty", "Z\xc5\x82oty"],
    ["defect: with control characters could not be forwarded", "a\x01b", undefined],
    ["is kept", "Fine, thanks", "Fine, thanks"],
    ["may be missing", "", ""],
  ])("a reason phrase %s", async (_, phrase, expected) => {
    const { statusText } = await received([`HTTP/1.1 200 ${phrase}`, "Content-Length: 0", "", ""]);
    expect(statusText).toBe(expected);
  });
});
