import { json, httpRequest, type HttpResponse } from "@pagoda/core/http";
import { isLeft, right } from "fp-ts/lib/Either.js";
import { Counter, Registry } from "prom-client";
import { describe, expect, test } from "vitest";
import { admin, type AdminSubject } from "../src/admin.ts";

const subject: AdminSubject = {
  registry: new Registry(),
  stack: { describe: () => ({ name: "nothing" }) },
  notReady: () => undefined,
};

interface Page {
  readonly status: number;
  readonly type: string | undefined;
  readonly text: string;
}

async function page(
  path: string,
  changes: Partial<AdminSubject> = {},
  method: string = "GET",
): Promise<Page> {
  const request = { ...httpRequest("http://admin/", { method }), path };
  const response = await admin({ ...subject, ...changes }).call(request);
  if (isLeft(response)) throw new Error("the admin endpoint has no errors");
  return pageOf(response.right);
}

async function pageOf({ status, headers, body }: HttpResponse): Promise<Page> {
  const text = await body.text();
  return { status, type: headers.get("content-type"), text: isLeft(text) ? "" : text.right };
}

const plain = "text/plain; charset=utf-8";

test.each(["/health", "/healthz"])("%s is ok, ready or not", async (path) => {
  expect(await page(path, { notReady: () => "draining" })).toEqual({
    status: 200,
    type: plain,
    text: "ok\n",
  });
});

describe.each(["/ready", "/readyz"])("%s", (path) => {
  test("says so when traffic may come", async () => {
    expect(await page(path)).toEqual({ status: 200, type: plain, text: "ready\n" });
  });

  test.each(["starting", "draining", "no upstream can be reached"])("503: %s", async (reason) => {
    expect(await page(path, { notReady: () => reason })).toEqual({
      status: 503,
      type: plain,
      text: `not ready: ${reason}\n`,
    });
  });
});

test("/metrics is what the registry has", async () => {
  const registry = new Registry();
  new Counter({ name: "a_total", help: "a", registers: [registry] }).inc(3);
  const { status, type, text } = await page("/metrics", { registry });
  expect({ status, type }).toEqual({ status: 200, type: registry.contentType });
  expect(text).toContain("a_total 3\n");
});

test("/stack is what the stack says of itself at that moment", async () => {
  let calls = 0;
  const stack: AdminSubject["stack"] = { describe: () => ({ name: "counting", state: { calls: ++calls } }) };
  for (const expected of [1, 2]) {
    const { text, ...rest } = await page("/stack", { stack });
    expect(rest).toEqual({ status: 200, type: "application/json" });
    expect(JSON.parse(text)).toEqual({ name: "counting", state: { calls: expected } });
  }
});

test.each(["/", "", "*", "/metrics/", "/Metrics", "/constructor", "/__proto__", "constructor"])(
  'there is no page "%s"',
  async (path) => {
    expect(await page(path)).toEqual({
      status: 404,
      type: plain,
      text: "no such page; there are /health /healthz /ready /readyz /metrics /stack\n",
    });
  },
);

test.each(["POST", "PUT", "DELETE", "OPTIONS"])("%s is refused, and nothing is asked", async (method) => {
  const stack: AdminSubject["stack"] = {
    describe: () => {
      throw new Error("asked");
    },
  };
  expect(await page("/stack", { stack }, method)).toEqual({ status: 405, type: plain, text: "GET only\n" });
  expect((await page("/nowhere", {}, method)).status).toBe(404);
});

test("a JSON page is one line", async () => {
  expect((await pageOf(json({ a: 1 }))).text).toBe('{"a":1}\n');
  expect(right((await page("/stack")).text)).toEqual(right('{"name":"nothing"}\n'));
});
