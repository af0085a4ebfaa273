import { type Aborted, type Fault, left, right, service, type Service } from "@pagoda/core";
import { emptyBody, type HttpRequest, type HttpResponse, httpResponse } from "@pagoda/http";
import { type VirtualClock, virtualClock, seededRandom } from "@pagoda/core/testing";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { mirror } from "@pagoda/mirror";
import { down, get, post, shadowThat, Source } from "./bench.ts";

/** Behaviors of a shadow. */
const behaviours = [
  "answer",
  "slow body",
  "endless body",
  "fail",
  "reject",
  "throw",
  "hang",
  "not ready",
] as const;
type Behaviour = (typeof behaviours)[number];

/** One step; `at` selects one of the calls. */
const step = fc.oneof(
  fc.record({ what: fc.constant("call" as const), empty: fc.boolean() }),
  fc.record({ what: fc.constant("give" as const), at: fc.nat(9), bytes: fc.nat(12) }),
  fc.record({
    what: fc.constantFrom(
      "all" as const,
      "break" as const,
      "resume" as const,
      "cancel" as const,
      "abort" as const,
    ),
    at: fc.nat(9),
  }),
  fc.record({ what: fc.constant("time" as const), ms: fc.nat(40) }),
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

const bounds = { maxInFlight: 2, maxBytes: 20, maxTotalBytes: 50, maxResponseBytes: 30, timeoutMs: 100 };

function shadowOf(
  turns: readonly Behaviour[],
  clock: VirtualClock,
): Service<HttpRequest, HttpResponse, Fault | Aborted> {
  let calls = 0;
  let asked = 0;
  let inFlight = 0;
  return shadowThat(
    (_request, signal) => {
      const behaviour = turns[calls++ % turns.length] as Behaviour;
      if (behaviour === "throw") throw new Error("thrown");
      if (behaviour === "reject") return Promise.reject(new Error("rejected"));
      if (behaviour === "fail") return Promise.resolve(left(down));
      expect(++inFlight).toBeLessThanOrEqual(bounds.maxInFlight);
      return new Promise((resolve) => {
        const settle = (body?: Source): void => {
          inFlight--;
          resolve(body === undefined ? left(down) : right({ ...httpResponse(200), body }));
        };
        const body = new Source();
        if (behaviour === "hang") signal?.addEventListener("abort", () => settle(), { once: true });
        else settle(body);
        if (behaviour === "endless body") body.give("0123456789");
        if (behaviour === "slow body")
          for (const ms of [10, 20, 30]) clock.setTimer(ms, () => body.give("012345678"));
        if (behaviour === "slow body") clock.setTimer(40, () => body.all());
        if (behaviour === "answer") body.all();
      });
    },
    () => (turns[asked++ % turns.length] === "not ready" ? new Promise(() => {}) : undefined),
  );
}

/** Runs the steps and records everything observable of the original calls, with times. */
async function run(steps: readonly Step[], turns: readonly Behaviour[] | undefined, seed: number) {
  const clock = virtualClock();
  const random = seededRandom(seed);
  const log: string[] = [];
  const calls: {
    source: Source;
    controller: AbortController;
    flow?: ReturnType<HttpRequest["body"]["pipe"]>;
  }[] = [];

  const real = service<HttpRequest, HttpResponse, Fault>("real", (request, signal) => {
    const call = calls.at(-1) as (typeof calls)[number];
    const n = calls.length;
    const write = (what: string): void => void log.push(`${clock.now()} ${n} ${what}`);
    request.body.observe((complete) => write(`observed ${complete}`));
    return new Promise((resolve) => {
      if (random() < 0.2) return void clock.setTimer(random() * 50, () => resolve(right(httpResponse(403))));
      signal?.addEventListener("abort", () => resolve(left(down)), { once: true });
      call.flow = request.body.pipe({
        write(chunk) {
          write(`got ${Buffer.from(chunk).toString()}`);
          return random() < 0.7;
        },
        end: () => resolve(right(httpResponse(200))),
        fail: (fault) => resolve(left(fault)),
      });
    });
  });
  const layer = turns && mirror<HttpRequest>({ to: shadowOf(turns, clock), ...bounds, clock });
  const layered = layer === undefined ? real : layer(real);

  function begin(empty: boolean): void {
    const call = { source: new Source(), controller: new AbortController() };
    calls.push(call);
    const n = calls.length;
    void layered
      .call(empty ? { ...get, body: emptyBody } : post(call.source), call.controller.signal)
      .then((result) => {
        log.push(`${clock.now()} ${n} ${result._tag === "Left" ? result.left._tag : result.right.status}`);
      });
  }
  for (const step of steps) {
    const call = "at" in step ? calls[step.at % Math.max(1, calls.length)] : undefined;
    if (step.what === "call") begin(step.empty);
    else if (step.what === "time") await clock.advance(step.ms);
    else if (call !== undefined) {
      if (step.what === "give") log.push(`go on: ${call.source.give("x".repeat(step.bytes))}`);
      else if (step.what === "all") call.source.all();
      else if (step.what === "break") call.source.break();
      else if (step.what === "resume") call.flow?.resume();
      else if (step.what === "cancel") call.flow?.cancel();
      else call.controller.abort();
    }
    await clock.advance(0);
    const { inFlight = 0, bytes = 0 } = (turns && layered.describe().state) ?? {};
    expect(inFlight).toBeLessThanOrEqual(bounds.maxInFlight);
    expect(bytes).toBeLessThanOrEqual(bounds.maxTotalBytes);
    expect(bytes).toBeGreaterThanOrEqual(0);
  }
  // A reader that pauses forever is unrelated to the shadow: the server would end the body eventually.
  for (const { source } of calls) source.cancel();
  await clock.advance(1_000);
  log.push(...calls.map(({ source }, n) => `${n + 1} received ${source.events.join()}`));
  return { log, clock, state: layered.describe().state };
}

test("property: the shadow never affects the calls, and nothing is left in the end", async () => {
  const steps = fc.array(step, { maxLength: 60 });
  const turns = fc.array(fc.constantFrom(...behaviours), { minLength: 1, maxLength: 5 });
  let sent = 0;
  await fc.assert(
    fc.asyncProperty(steps, turns, fc.nat(), async (steps, turns, seed) => {
      const alone = await run(steps, undefined, seed);
      const mirrored = await run(steps, turns, seed);
      expect(mirrored.log).toEqual(alone.log);
      expect(mirrored.clock.pending).toBe(0);
      expect(mirrored.state).toMatchObject({ inFlight: 0, bytes: 0, defects: 0 });
      sent += Number(mirrored.state?.["sent"]);
    }),
    { numRuns: 1_000 },
  );
  expect(sent).toBeGreaterThan(100);
});
