import { right, service, type Service } from "@pagoda/core";
import { type HttpRequest, httpRequest, type HttpResponse, text } from "@pagoda/http";
import { mockService, settled } from "@pagoda/core/testing";
import { expect, test } from "vitest";
import { Generation, latest } from "../../src/data-plane/generation.ts";

const request = httpRequest("http://shop.example/");

function answering(status: number) {
  return service<HttpRequest, HttpResponse>(`answers ${status}`, async () => right(text("", status)));
}

/** A generation whose stack is answered by the test. */
function held() {
  const mock = mockService<HttpRequest, HttpResponse>();
  let ended = 0;
  // No signal is aborted here.
  const stack = mock.service as Service<HttpRequest, HttpResponse>;
  const generation = new Generation(new Map([["main", stack]]), () => ended++);
  return { generation, mock, ended: () => ended };
}

test("a call goes to the newest generation", async () => {
  let now = new Generation(new Map([["main", answering(200)]]), () => {});
  const stack = latest("main", () => now);
  expect(await stack.call(request)).toMatchObject(right({ status: 200 }));
  now = new Generation(new Map([["main", answering(201)]]), () => {});
  expect(await stack.call(request)).toMatchObject(right({ status: 201 }));
  expect(stack.describe()).toMatchObject({ name: "answers 201" });
});

test("a removed listener continues with its last stack", async () => {
  let now = new Generation(new Map([["main", answering(200)]]), () => {});
  const stack = latest("main", () => now);
  now = new Generation(new Map([["other", answering(201)]]), () => {});
  expect(await stack.call(request)).toMatchObject(right({ status: 200 }));
});

test("a generation without calls ends when it is superseded", () => {
  const { generation, ended } = held();
  expect(ended()).toBe(0);
  generation.supersede();
  expect(ended()).toBe(1);
});

test("a superseded generation ends once, after its last call", async () => {
  const { generation, mock, ended } = held();
  const stack = latest("main", () => generation);
  const calls = [stack.call(request), stack.call(request)];
  generation.supersede();
  (await mock.next()).answer(text("one"));
  await calls[0];
  await settled();
  expect(ended()).toBe(0);
  (await mock.next()).answer(text("two"));
  await calls[1];
  await settled();
  expect(ended()).toBe(1);
});

test("calls do not end the newest generation", async () => {
  const { generation, mock, ended } = held();
  const stack = latest("main", () => generation);
  const call = stack.call(request);
  (await mock.next()).answer(text("one"));
  await call;
  await settled();
  expect(ended()).toBe(0);
});

test("a call that rejects or throws counts as ended", async () => {
  for (const call of [
    () => Promise.reject(new Error("defect")),
    () => {
      throw new Error("defect");
    },
  ]) {
    let ended = 0;
    const broken = { ...answering(200), call };
    const generation = new Generation(new Map([["main", broken]]), () => ended++);
    const stack = latest("main", () => generation);
    await expect((async () => stack.call(request))()).rejects.toThrow("defect");
    await settled();
    generation.supersede();
    expect(ended).toBe(1);
  }
});
