import { type Either, layer, mapRequest, mapResponse, right, service, ServiceBuilder } from "@pagoda/core";
import { map } from "fp-ts/lib/Either.js";
import { describe, expect, test } from "vitest";

const leaf = service("leaf", async (text: string): Promise<Either<never, string>> => right(`${text}.`));

/** Logs its name on the way in and on the way out. */
function says(name: string) {
  return layer<string, unknown, never, never, string>(name, (inner) => ({
    call: async (text, signal) =>
      map((response) => `${String(response)}<${name}`)(
        await inner.call(`${text}>${name}` as typeof text, signal),
      ),
  }));
}

describe("ServiceBuilder", () => {
  test("puts the first layer outermost", async () => {
    const stack = new ServiceBuilder<string>()
      .layer(says("a"))
      .layer(says("b"))
      .layer(says("c"))
      .service(leaf);
    expect(await stack.call("")).toEqual(right(">a>b>c.<c<b<a"));
  });

  test("describes the stack from the outside in", () => {
    const stack = new ServiceBuilder<string>().layer(says("a")).layer(says("b")).service(leaf);
    expect(stack.describe()).toEqual({ name: "a", inner: [{ name: "b", inner: [{ name: "leaf" }] }] });
  });

  test("returns the service itself without layers", () => {
    expect(new ServiceBuilder<string>().service(leaf)).toBe(leaf);
  });

  test("is immutable", async () => {
    const base = new ServiceBuilder<string>().layer(says("a"));
    const longer = base.layer(says("b"));
    base.layer(says("c"));
    expect(await base.service(leaf).call("")).toEqual(right(">a.<a"));
    expect(await longer.service(leaf).call("")).toEqual(right(">a>b.<b<a"));
  });

  test("makes a new service each time", () => {
    let made = 0;
    const counting = layer("counting", ({ call }) => {
      made++;
      return { call };
    });
    const builder = new ServiceBuilder<string>().layer(counting);
    expect(made).toBe(0);
    expect(builder.service(leaf)).not.toBe(builder.service(leaf));
    expect(made).toBe(2);
  });

  test("keeps adapters in their place among the layers", async () => {
    const stack = new ServiceBuilder<number>()
      .adapt(mapRequest((n) => "x".repeat(n)))
      .layer(says("a"))
      .adapt(mapResponse((text: string) => text.length))
      .layer(says("b"))
      .service(leaf);
    expect(await stack.call(2)).toEqual(right("9<a"));
    expect(stack.describe().inner?.[0]?.name).toBe("a");
  });

  test("asAdapter makes one adapter for another stack", async () => {
    const pair = new ServiceBuilder<string>()
      .layer(says("b"))
      .adapt(mapResponse((text: string) => text.length))
      .asAdapter();
    const stack = new ServiceBuilder<string>().layer(says("a")).adapt(pair).layer(says("c")).service(leaf);
    expect(await stack.call("")).toEqual(right("9<b<a"));
  });

  test("asLayer makes one layer for another stack", async () => {
    const pair = new ServiceBuilder<string>().layer(says("b")).layer(says("c")).asLayer();
    const stack = new ServiceBuilder<string>().layer(says("a")).layer(pair).layer(says("d")).service(leaf);
    expect(await stack.call("")).toEqual(right(">a>b>c>d.<d<c<b<a"));
  });

  test("asLayer is not affected by later additions to the builder", async () => {
    const builder = new ServiceBuilder<string>().layer(says("a"));
    const one = builder.asLayer();
    builder.layer(says("b"));
    expect(await one(leaf).call("")).toEqual(right(">a.<a"));
  });
});
