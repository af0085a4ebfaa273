import { virtualClock } from "@pagoda/core/testing";
import { right } from "@pagoda/core";
import { describe, expect, test } from "vitest";
import { resizer } from "../src/in-process.ts";

function bench() {
  const clock = virtualClock();
  const work: PromiseWithResolvers<string>[] = [];
  const service = resizer(() => {
    const one = Promise.withResolvers<string>();
    work.push(one);
    return one.promise;
  }, clock);
  const ask = (client: string) => service.call({ client: { address: client }, image: "a.png", width: 100 });
  return { clock, work, ask };
}

describe("the in-process example", () => {
  test("resizes an image", async () => {
    const { work, ask } = bench();
    const result = ask("ann");
    work[0]?.resolve("small");
    expect(await result).toEqual(right("small"));
  });

  test("sheds a third concurrent call", async () => {
    const { work, ask } = bench();
    const results = [ask("ann"), ask("bob")];
    expect(await ask("cat")).toMatchObject({ left: { _tag: "Overloaded" } });
    for (const { resolve } of work) resolve("small");
    expect(await Promise.all(results)).toEqual([right("small"), right("small")]);
    expect(work).toHaveLength(2);
  });

  test("limits each client separately", async () => {
    const { clock, work, ask } = bench();
    const askAndAnswer = async (client: string) => {
      const result = ask(client);
      work.at(-1)?.resolve("small");
      return result;
    };
    for (let n = 0; n < 10; n++) expect(await askAndAnswer("ann")).toEqual(right("small"));
    expect(await askAndAnswer("ann")).toMatchObject({ left: { _tag: "RateLimited", retryAfterMs: 1_000 } });
    expect(await askAndAnswer("bob")).toEqual(right("small"));
    await clock.advance(1_000);
    expect(await askAndAnswer("ann")).toEqual(right("small"));
  });
});
