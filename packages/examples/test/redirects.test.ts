// With the layers that it is used with, in virtual time.
import { isRight, left, right, service, ServiceBuilder } from "@pagoda/core";
import { settled, virtualClock } from "@pagoda/core/testing";
import { followRedirects } from "@pagoda/follow-redirects";
import { type HttpRequest, httpRequest, httpResponse, text } from "@pagoda/http";
import { replay } from "@pagoda/replay";
import { constant, retry } from "@pagoda/retry";
import { timeout } from "@pagoda/timeout";
import { expect, test } from "vitest";

const moved = httpResponse(302, undefined, { location: "/b" });

/** An origin whose `/a` leads to `/b`, which fails until the fourth request of all. */
function flakyTarget() {
  const paths: string[] = [];
  const flaky = service("flaky", async ({ path }: HttpRequest) => {
    paths.push(path);
    if (path === "/a") return right(moved);
    return right(paths.length < 4 ? httpResponse(503) : text("here"));
  });
  return { flaky, paths };
}

test("retry inside repeats the request that failed, not the chain", async () => {
  const clock = virtualClock();
  const { flaky, paths } = flakyTarget();
  const stack = new ServiceBuilder<HttpRequest>()
    .layer(followRedirects())
    .layer(replay())
    .layer(retry({ backoff: constant(10), clock }))
    .service(flaky);
  const result = stack.call(httpRequest("http://shop.example/a"));
  await clock.runAll();
  expect(isRight(await result)).toBe(true);
  expect(paths).toEqual(["/a", "/b", "/b", "/b"]);
});

test("retry outside repeats the chain", async () => {
  const clock = virtualClock();
  const { flaky, paths } = flakyTarget();
  const stack = new ServiceBuilder<HttpRequest>()
    .layer(replay())
    .layer(retry({ backoff: constant(10), clock }))
    .layer(followRedirects())
    .service(flaky);
  const result = stack.call(httpRequest("http://shop.example/a"));
  await clock.runAll();
  expect(isRight(await result)).toBe(true);
  expect(paths).toEqual(["/a", "/b", "/a", "/b"]);
});

test.each([
  ["outside bounds all requests together", 250, true],
  ["inside bounds each of them", 1_000, false],
])("a timeout %s", async (_, endsAt, isOutside) => {
  const clock = virtualClock();
  const slow = service(
    "slow",
    (_request: HttpRequest) =>
      new Promise<ReturnType<typeof right<never, typeof moved>>>((resolve) => {
        clock.setTimer(100, () => resolve(right(moved)));
      }),
  );
  const limit = timeout({ ms: 250, clock });
  const follow = followRedirects({ maxRedirects: 9 });
  const builder = new ServiceBuilder<HttpRequest>();
  const stack = isOutside
    ? builder.layer(limit).layer(follow).service(slow)
    : builder.layer(follow).layer(limit).service(slow);
  let end: number | undefined;
  const result = stack.call(httpRequest("http://shop.example/b")).then((settledAs) => {
    end = clock.now();
    return settledAs;
  });
  for (let step = 0; step < 20 && end === undefined; step++) await clock.advance(50);
  await settled();
  expect(end).toBe(endsAt);
  expect(await result).toMatchObject(left({ _tag: isOutside ? "TimedOut" : "TooManyRedirects" }));
});
