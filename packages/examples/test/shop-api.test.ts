import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { left, right } from "@pagoda/core";
import { mockService, virtualClock } from "@pagoda/core/testing";
import { type HttpRequest, type HttpResponse, json, text } from "@pagoda/http";
import { describe, expect, onTestFinished, test } from "vitest";
import { shopApi } from "../src/shop-api.ts";

async function shopOf(answer: RequestListener) {
  const server = createServer(answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  const api = shopApi(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`);
  onTestFinished(async () => {
    await api.close();
    server.close();
  });
  return api;
}

function scripted() {
  const clock = virtualClock();
  const mock = mockService<HttpRequest, HttpResponse>();
  return { clock, mock, api: shopApi("https://shop.example", { clock, connect: () => mock.service }) };
}

describe("the API client example", () => {
  test("gets a lamp over a socket", async () => {
    const api = await shopOf(({ url }, response) => {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ name: url, watts: 5, more: true }));
    });
    expect(await api.lamp(7)).toEqual(right({ name: "/v1/lamps/7", watts: 5 }));
  });

  test("says that there is no such lamp", async () => {
    const { api, mock } = scripted();
    const lamp = api.lamp(7);
    (await mock.next()).answer(text("no", 404));
    expect(await lamp).toEqual(left({ _tag: "NoSuchLamp", id: 7 }));
  });

  test("refuses what is not a lamp", async () => {
    const { api, mock } = scripted();
    const lamp = api.lamp(7);
    (await mock.next()).answer(json({ name: "desk" }));
    expect(await lamp).toEqual(left({ _tag: "OutOfService", reason: "SchemaMismatch" }));
  });

  test("sends an order again with the same key", async () => {
    const { api, clock, mock } = scripted();
    const order = api.order(7, "o-1");
    (await mock.next()).answer(text("busy", 503));
    await clock.advance(100);
    const { request, answer } = await mock.next();
    expect(request.headers.get("idempotency-key")).toBe("o-1");
    expect(await request.body.text()).toEqual(right('{"lamp":7}'));
    answer(text("ordered", 201));
    expect(await order).toEqual(right(undefined));
  });

  test("gives up after two seconds", async () => {
    const { api, clock } = scripted();
    const lamp = api.lamp(7);
    await clock.advance(2_000);
    expect(await lamp).toEqual(left({ _tag: "OutOfService", reason: "TimedOut" }));
  });
});
