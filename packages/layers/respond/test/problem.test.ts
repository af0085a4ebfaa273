import { type Fault, right } from "@pagoda/core";
import { mockService } from "@pagoda/core/testing";
import {
  type HttpRequest,
  httpRequest,
  type HttpResponse,
  httpResponse,
  type Identified,
} from "@pagoda/http";
import { conformance } from "@pagoda/http/testing";
import { type Answer, type Answers, respond, type RespondOptions } from "@pagoda/respond";
import { describe, expect, test } from "vitest";

const down: Fault = { _tag: "Down", origin: "upstream", retryable: true };
const plain: Answer = { status: 503, message: "come back later", headers: { "retry-after": "1" } };
const text = "503 come back later\nrequest id: id-1\n";

type Headers = Readonly<Record<string, string | readonly string[]>>;

/** Answers an error to a request with these headers. */
async function answer(options: RespondOptions, headers: Headers = {}, given: Answer = plain) {
  const mock = mockService<HttpRequest & Identified, HttpResponse, Fault>();
  const request = { ...httpRequest("http://shop.example/", { headers }), requestId: "id-1" };
  const table: Answers = { Down: given };
  const result = respond(table, options)(mock.service).call(request);
  (await mock.next()).fail(down);
  const settled = await result;
  if (settled._tag === "Left") throw new Error("the error was not answered");
  const { status, headers: fields, body, fault } = settled.right;
  const read = await body.text();
  return { status, fields: [...fields], body: read._tag === "Right" ? read.right : "broken", fault };
}

async function problemOf(given: Answer): Promise<unknown> {
  return JSON.parse((await answer({ format: "problem" }, {}, given)).body) as unknown;
}

async function isProblem(...accept: readonly string[]): Promise<boolean> {
  const { fields } = await answer({ format: "negotiated" }, { accept });
  return fields.some(([, value]) => value === "application/problem+json");
}

describe("respond with problems", () => {
  conformance(test, () => respond({ Down: plain }, { format: "negotiated" }), {
    request: () => ({ ...httpRequest("http://shop.example/"), requestId: "id-1" }),
  });

  test("answers with application/problem+json", async () => {
    expect(await answer({ format: "problem" })).toEqual({
      status: 503,
      fields: [
        ["content-type", "application/problem+json"],
        ["retry-after", "1"],
      ],
      body: '{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"come back later","requestId":"id-1"}\n',
      fault: down,
    });
  });

  test("the answer may say more", async () => {
    const problem = {
      type: "https://shop.example/problems/credit",
      title: "Not enough credit",
      instance: "/orders/7",
      extensions: { balance: 30, accounts: ["/a/1", "/a/2"] },
    };
    expect(await problemOf({ status: 403, message: "it costs 50", problem })).toEqual({
      type: "https://shop.example/problems/credit",
      title: "Not enough credit",
      status: 403,
      detail: "it costs 50",
      instance: "/orders/7",
      requestId: "id-1",
      balance: 30,
      accounts: ["/a/1", "/a/2"],
    });
  });

  test("extensions replace no other member", async () => {
    const extensions = { type: "x", title: "x", status: 200, detail: "x", instance: "x", requestId: "x" };
    expect(await problemOf({ status: 499, message: "gone", problem: { extensions } })).toEqual({
      type: "about:blank",
      status: 499,
      detail: "gone",
      requestId: "id-1",
    });
  });

  test.each([
    [404, "Not Found"],
    [413, "Content Too Large"],
    [504, "Gateway Timeout"],
  ])("the title of %d is %s", async (status, title) => {
    expect(await problemOf({ status, message: "m" })).toMatchObject({ title });
  });

  test("text remains the default, whatever the client accepts", async () => {
    expect(await answer({}, { accept: "application/problem+json" })).toMatchObject({
      body: text,
      fields: [
        ["content-type", "text/plain; charset=utf-8"],
        ["retry-after", "1"],
      ],
    });
  });

  test.each([["text"], ["problem"], ["negotiated"]] as const)(
    "gRPC requests get text with format %s",
    async (format) => {
      const headers = { "content-type": "application/grpc", accept: "application/json" };
      const { body, fields } = await answer({ format }, headers);
      expect(body).toBe(text);
      expect(fields.map(([name]) => name)).not.toContain("vary");
    },
  );

  test("a negotiated answer varies by Accept, whether it is a problem or not", async () => {
    for (const accept of ["application/json", "text/html"]) {
      const { fields } = await answer({ format: "negotiated" }, { accept });
      expect(fields.filter(([name]) => name === "vary")).toEqual([["vary", "accept"]]);
    }
    const headers = { vary: "origin" };
    const { fields } = await answer({ format: "negotiated" }, {}, { ...plain, headers });
    expect(fields.filter(([name]) => name === "vary")).toEqual([
      ["vary", "origin"],
      ["vary", "accept"],
    ]);
  });

  test("an answer that is not negotiated does not vary", async () => {
    for (const format of ["text", "problem"] as const)
      expect((await answer({ format })).fields.map(([name]) => name)).not.toContain("vary");
  });

  test("responses of inner do not vary", async () => {
    const mock = mockService<HttpRequest & Identified, HttpResponse, Fault>();
    const request = { ...httpRequest("http://shop.example/"), requestId: "id-1" };
    const result = respond({ Down: plain }, { format: "negotiated" })(mock.service).call(request);
    const { answer } = await mock.next();
    const response = httpResponse(404);
    answer(response);
    expect(await result).toEqual(right(response));
  });

  test("rejects an unknown format", () => {
    // @ts-expect-error: Type '"json"' is not assignable to type 'AnswerFormat'.
    expect(() => respond({}, { format: "json" })).toThrow(
      'respond: format must be "text", "problem" or "negotiated" (got "json")',
    );
  });
});

describe("negotiation", () => {
  test.each([
    "application/problem+json",
    "application/json",
    "application/*",
    "APPLICATION/JSON",
    "application/json;charset=utf-8",
    "application/json, */*",
    "application/json, text/plain, */*",
    "text/plain;q=0.5, application/problem+json;q=0.9",
    "application/json;q=0.5, text/plain;q=0.5",
    "application/json;q=0.1",
    "text/html, application/json;q=0.9, */*;q=0.1",
    "text/*;q=0.1, application/json;q=0.2, */*",
  ])("a client that accepts %s gets a problem", async (accept) => {
    expect(await isProblem(accept)).toBe(true);
  });

  test.each([
    "*/*",
    "text/plain",
    "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "application/json;q=0.5, text/plain",
    "application/json;q=0.5, text/*",
    "application/json;q=0.5, */*",
    "application/json;q=0",
    "application/problem+json;q=0, */*",
    "application/json;q=high",
    "application/json;q=2",
    "application/jsonp",
    "",
  ])("a client that accepts %j gets text", async (accept) => {
    expect(await isProblem(accept)).toBe(false);
  });

  test("a client without Accept gets text", async () => {
    expect((await answer({ format: "negotiated" })).body).toBe(text);
  });

  test("the lines of a repeated field count together", async () => {
    expect(await isProblem("text/html", "application/json")).toBe(true);
    expect(await isProblem("application/json;q=0.5", "text/plain")).toBe(false);
  });
});
