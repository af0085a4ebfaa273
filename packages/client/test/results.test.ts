import { client } from "@pagoda/client";
import { CallFailed, isLeft, isRight, right } from "@pagoda/core";
import { bodyFrom, type HttpResponse, httpResponse, json, text } from "@pagoda/http";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { answering, scripted, startOrigin } from "./given.ts";

const api = (response: () => HttpResponse, maxBytes?: number) =>
  client({
    baseUrl: "http://shop.example",
    retry: false,
    ...(maxBytes !== undefined && { maxBytes }),
    connect: () => answering(response),
  });

const Lamp = z.object({ watts: z.number() });
const lamp = () => json({ watts: 5, more: true });

describe("a result", () => {
  test("is the schema's output", async () => {
    expect(await api(lamp).get("/").json(Lamp)).toEqual(right({ watts: 5 }));
    expect(await api(lamp).orThrow.get("/").json(Lamp)).toEqual({ watts: 5 });
  });

  test("is JSON as it came without a schema", async () => {
    expect(await api(lamp).get("/").json()).toEqual(right({ watts: 5, more: true }));
    expect(await api(lamp).orThrow.get("/").json()).toEqual({ watts: 5, more: true });
  });

  test("is text or bytes", async () => {
    const hello = api(() => text("héllo"));
    expect(await hello.get("/").text()).toEqual(right("héllo"));
    expect(await hello.get("/").bytes()).toEqual(right(Buffer.from("héllo")));
    expect(await hello.orThrow.get("/").text()).toBe("héllo");
    expect(Buffer.from(await hello.orThrow.get("/").bytes()).toString()).toBe("héllo");
  });

  test("awaited, is the response with a body that can be read again", async () => {
    const result = await api(() => httpResponse(201, bodyFrom(["a", "b"]))).delete("/");
    if (isLeft(result)) throw new Error(result.left._tag);
    expect(result.right.status).toBe(201);
    expect(await result.right.body.text()).toEqual(right("ab"));
    expect(await result.right.body.text()).toEqual(right("ab"));
    expect((await api(lamp).orThrow.get("/")).status).toBe(200);
  });

  test("streaming, is any response with its body unread", async () => {
    const response = httpResponse(503, bodyFrom(["a", "b"]));
    const result = await api(() => response)
      .get("/")
      .stream();
    expect(isRight(result) && result.right).toBe(response);
    expect(
      (
        await api(() => text("x", 404))
          .orThrow.get("/")
          .stream()
      ).status,
    ).toBe(404);
  });

  test("is empty for a status without a body", async () => {
    expect(
      await api(() => httpResponse(204))
        .delete("/")
        .text(),
    ).toEqual(right(""));
  });
});

describe("a failure", () => {
  test.each([301, 304, 404, 429, 500])("with status %d is StatusError, with the body", async (status) => {
    for (const call of [
      api(() => text("why", status)).get("/"),
      api(() => text("why", status))
        .get("/")
        .json(),
    ]) {
      const result = await call;
      if (isRight(result) || result.left._tag !== "StatusError") throw new Error("expected StatusError");
      expect(result.left.status).toBe(status);
      expect(await result.left.body.text()).toEqual(right("why"));
      expect(result.left.isBodyCut).toBe(false);
    }
  });

  test("has the beginning of a body that is longer than the maximum", async () => {
    const long = () => httpResponse(500, bodyFrom(["x".repeat(10_000), "y".repeat(10_000)]));
    const result = await api(long, 100).get("/").text();
    if (isRight(result) || result.left._tag !== "StatusError") throw new Error("expected StatusError");
    expect(result.left.isBodyCut).toBe(true);
    expect(result.left.body.length).toBe(16_384);
  });

  test("to decode has the reason", async () => {
    expect(
      await api(() => json({}))
        .get("/")
        .json(Lamp),
    ).toMatchObject({
      left: { _tag: "SchemaMismatch", origin: "upstream", issues: [{ path: ["watts"] }] },
    });
    expect(
      await api(() => text("{}"))
        .get("/")
        .json(),
    ).toMatchObject({ left: { _tag: "NotJson" } });
    const malformed = () => httpResponse(200, "{", { "content-type": "application/json" });
    expect(await api(malformed).get("/").json()).toMatchObject({ left: { _tag: "BodyMalformed" } });
  });

  test("for a body over the maximum of the client or the call", async () => {
    const tooLarge = { left: { _tag: "BodyTooLarge", maxBytes: 3 } };
    expect(
      await api(() => text("long"), 3)
        .get("/")
        .text(),
    ).toMatchObject(tooLarge);
    expect(
      await api(() => text("long"))
        .get("/", { maxBytes: 3 })
        .text(),
    ).toMatchObject(tooLarge);
    expect(
      await api(() => text("long"), 3)
        .get("/", { maxBytes: 4 })
        .text(),
    ).toEqual(right("long"));
  });

  test("is thrown as CallFailed with the fault as cause", async () => {
    const failed = api(() => text("no", 404)).orThrow.get("/");
    await expect(failed).rejects.toBeInstanceOf(CallFailed);
    await expect(failed.json()).rejects.toMatchObject({ cause: { _tag: "StatusError", status: 404 } });
  });

  test("is thrown with a message that says what failed, without the query", async () => {
    const message = (call: PromiseLike<unknown>): Promise<string> =>
      Promise.resolve(call).then(String, (error: Error) => error.message);
    const missing = api(() => text("no", 404)).orThrow;
    expect(await message(missing.post("/lamps?key=secret", { text: "a" }))).toBe(
      "POST http://shop.example/lamps failed: status error (status 404)",
    );
    expect(await message(missing.get("https://ann:secret@a.example/b?key=secret").json())).toBe(
      'GET failed: url refused (url "https://a.example", reason "must not contain credentials")',
    );
    const { url } = await startOrigin((_request, response) => response.writeHead(503).end());
    const busy = client({ random: () => 0 });
    expect(await message(busy.orThrow.get(`${url}/a?key=secret`).text())).toBe(
      `GET ${url}/a failed after 3 requests: status error at ${url} (status 503)`,
    );
    await busy.close();
  });

  test("for a signal that is already aborted has its reason", async () => {
    const result = await scripted({})
      .api.get("/", { signal: AbortSignal.abort("no") })
      .json();
    expect(result).toMatchObject({ left: { _tag: "Aborted", cause: "no" } });
  });
});

test("nothing is sent before the result is asked for, and each time it is", async () => {
  let calls = 0;
  const call = api(() => json(++calls)).get("/");
  await Promise.resolve();
  expect(calls).toBe(0);
  expect(await call.json()).toEqual(right(1));
  expect(await call.json()).toEqual(right(2));
});

test("JSON is asked for, unless the call accepts something else", async () => {
  const echo = client({
    baseUrl: "http://shop.example",
    connect: () => answering(({ headers }) => json(headers.all("accept"))),
  });
  expect(await echo.get("/").json()).toEqual(right(["application/json"]));
  expect(await echo.get("/", { headers: { Accept: "a/b+json" } }).json()).toEqual(right(["a/b+json"]));
  expect(await echo.get("/").text()).toEqual(right("[]\n"));
});
