import { client, type SendOptions } from "@pagoda/client";
import { bodyOf, type HttpRequest, httpResponse, json } from "@pagoda/http";
import { describe, expect, test } from "vitest";
import { answering } from "./given.ts";

/** The request that the origin gets. */
async function sent(options: SendOptions, headers: Record<string, string> = {}) {
  let seen: HttpRequest | undefined;
  let text = "";
  const api = client({
    baseUrl: "http://shop.example",
    headers,
    connect: () => ({
      ...answering(() => httpResponse(200)),
      call: async (request) => {
        seen = request;
        const read = await request.body.text();
        text = read._tag === "Right" ? read.right : read.left._tag;
        return { _tag: "Right", right: httpResponse(200) };
      },
    }),
  });
  await api.post("/", options);
  const { method = "", headers: fields = undefined } = seen ?? {};
  return { method, text, field: (name: string) => fields?.get(name), fields };
}

describe("a request body", () => {
  test("as JSON", async () => {
    const { text, field } = await sent({ json: { a: [1, null] } });
    expect(text).toBe('{"a":[1,null]}');
    expect(field("content-type")).toBe("application/json");
  });

  test.each([null, 0, false, ""])("may be the JSON %j", async (value) => {
    expect((await sent({ json: value })).text).toBe(JSON.stringify(value));
  });

  test("as a form", async () => {
    const { text, field } = await sent({ form: { a: "b c", n: [1, 2], none: undefined } });
    expect(text).toBe("a=b+c&n=1&n=2");
    expect(field("content-type")).toBe("application/x-www-form-urlencoded");
    expect((await sent({ form: new URLSearchParams("x=1") })).text).toBe("x=1");
  });

  test("as text", async () => {
    const { text, field } = await sent({ text: "grün" });
    expect(text).toBe("grün");
    expect(field("content-type")).toBe("text/plain; charset=utf-8");
  });

  test("as bytes, a body, a web stream or chunks", async () => {
    expect((await sent({ body: Buffer.from("bytes") })).text).toBe("bytes");
    expect((await sent({ body: bodyOf("body") })).text).toBe("body");
    expect((await sent({ body: new Blob(["stream"]).stream() })).text).toBe("stream");
    async function* chunks() {
      yield "a";
      yield "b";
    }
    const { text, field } = await sent({ body: chunks() });
    expect(text).toBe("ab");
    expect(field("content-type")).toBeUndefined();
  });

  test("keeps the content type that the call gives", async () => {
    const { fields } = await sent({ json: 1, headers: { "Content-Type": "application/merge-patch+json" } });
    expect(fields?.all("content-type")).toEqual(["application/merge-patch+json"]);
  });

  test("is only one", async () => {
    await expect(sent({ json: 1, text: "a" })).rejects.toThrow(
      "client: only one body can be sent (got json, text)",
    );
  });

  test("must be JSON", async () => {
    await expect(sent({ json: () => 1 })).rejects.toThrow(
      "client: json must be a JSON value (got a function)",
    );
  });
});

describe("default headers", () => {
  test("are added unless the call has them", async () => {
    const { fields } = await sent({ headers: { "x-a": "call" } }, { "X-A": "client", authorization: "t" });
    expect(fields?.all("x-a")).toEqual(["call"]);
    expect(fields?.get("authorization")).toBe("t");
  });

  test("are not sent to another host than the base", async () => {
    const seen = new Map<string, string | undefined>();
    const api = client({
      baseUrl: "http://shop.example",
      perHost: true,
      headers: { authorization: "secret" },
      connect: (origin) =>
        answering(({ headers }) => {
          seen.set(origin, headers.get("authorization"));
          return httpResponse(200);
        }),
    });
    await api.get("/");
    await api.get("http://other.example/");
    await api.fetch("http://other.example:81/");
    expect([...seen]).toEqual([
      ["http://shop.example", "secret"],
      ["http://other.example", undefined],
      ["http://other.example:81", undefined],
    ]);
  });

  test("are sent to all hosts without a base", async () => {
    const api = client({
      headers: { "user-agent": "shop/1" },
      connect: () => answering(({ headers }) => json(headers.get("user-agent"))),
    });
    expect(await api.get("http://a.example/").json()).toMatchObject({ right: "shop/1" });
  });

  test("are described by name only", () => {
    const api = client({ baseUrl: "http://shop.example", headers: { authorization: "secret" } });
    expect(JSON.stringify(api.describe())).toContain('"names":["authorization"]');
    expect(JSON.stringify(api.describe())).not.toContain("secret");
  });
});

test("each method has its name", async () => {
  const api = client({
    baseUrl: "http://shop.example",
    connect: () => answering(({ method }) => json(method)),
  });
  for (const method of ["get", "post", "put", "patch", "delete"] as const)
    expect(await api[method]("/").json()).toMatchObject({ right: method.toUpperCase() });
  expect(await api.request("PROPFIND", "/").json()).toMatchObject({ right: "PROPFIND" });
  expect(await api.head("/").json()).toMatchObject({ right: "HEAD" });
});
