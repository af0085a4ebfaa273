import { describe, expect, onTestFinished, test, vi } from "vitest";
import { configuration, scenario, simulated } from "./simulated.ts";

/** A scenario in which something happens to an endpoint from the 3rd to the 6th second. */
const during = (does: string, origin: string | readonly string[] = "shop[1]", more: object = {}) =>
  scenario({ events: [{ at: "3s", for: "3s", origin, does }], ...more });

describe("without trouble", () => {
  test("requests arrive at the rate, and origins answer with the latency of the scenario", async () => {
    const { requests, success, latency, amplification, origins } = await simulated(
      configuration(),
      scenario({ load: [{ route: "api", rate: "500/s", for: "60s" }] }),
    );
    // 30,000 are expected; five standard deviations are 870.
    expect(Math.abs(requests - 30_000)).toBeLessThan(870);
    expect(success).toBe(1);
    expect(amplification).toBe(1);
    expect(latency?.p50).toBeGreaterThan(9.7);
    expect(latency?.p50).toBeLessThan(10.3);
    expect(latency?.p99).toBeGreaterThan(28);
    expect(latency?.p99).toBeLessThan(32);
    const calls = origins.map((each) => each.calls);
    expect(Math.max(...calls) - Math.min(...calls)).toBeLessThanOrEqual(1);
  });

  test("the same seed gives the same result, another seed another one", async () => {
    const [first, again, other] = [
      await simulated(configuration(), during("errors 50%"), 7),
      await simulated(configuration(), during("errors 50%"), 7),
      await simulated(configuration(), during("errors 50%"), 8),
    ];
    expect(again).toEqual(first);
    expect(other.digest).not.toBe(first.digest);
  });
});

describe("an endpoint that", () => {
  test("dies breaks its calls and refuses connections, and calls go elsewhere", async () => {
    const slowly = { origins: { shop: { latency: { p50: "100ms", p99: "200ms" } } } };
    const { failures, origins, series } = await simulated(configuration(), during("die", "shop[1]", slowly));
    expect(failures).toEqual({ "502 ConnectionBroken": expect.any(Number) });
    // A third of 200/s for 100 ms each.
    expect(failures["502 ConnectionBroken"]).toBeLessThan(15);
    // Ten steps a second.
    expect(series.stepMs).toBe(100);
    const its = series.origins["shop[1]"]?.calls ?? [];
    expect(its.slice(30, 60).every((calls) => calls === 0)).toBe(true);
    expect(its.slice(61).some((calls) => calls > 0)).toBe(true);
    expect(origins).toHaveLength(3);
  });

  test("refuses connections finishes the calls in flight", async () => {
    const { success } = await simulated(configuration(), during("refuse"));
    expect(success).toBe(1);
  });

  test("hangs answers when it is over, unless callers gave up", async () => {
    // Some calls are worked on when it begins to hang.
    const slowly = { origins: { shop: { latency: { p50: "100ms", p99: "200ms" } } } };
    const patient = await simulated(
      configuration({ route: { policies: { timeout: "15s" } } }),
      during("hang", "shop[1]", slowly),
    );
    expect(patient.success).toBe(1);
    expect(patient.latency?.max).toBeGreaterThan(2_900);
    const hasty = await simulated(
      configuration({ route: { policies: { timeout: "100ms" } } }),
      during("hang"),
    );
    // A third of three of ten seconds.
    expect(hasty.success).toBeGreaterThan(0.87);
    expect(hasty.success).toBeLessThan(0.93);
    expect(hasty.failures).toEqual({ "504 TimedOut": expect.any(Number) });
  });

  test("is slow takes so many times as long", async () => {
    const { series } = await simulated(
      configuration({ cluster: { endpoints: ["http://10.0.0.1:80"] } }),
      during("slow x10", "shop"),
    );
    const median = (from: number, to: number): number =>
      series.p50.slice(from, to).reduce<number>((sum, each) => sum + (each ?? 0), 0) / (to - from);
    expect(median(0, 30)).toBeLessThan(15);
    expect(median(31, 59)).toBeGreaterThan(90);
    expect(median(60, 100)).toBeLessThan(15);
  });

  test("errs answers a share of calls with 503", async () => {
    const { failures, requests } = await simulated(configuration(), during("errors 50%", "shop"));
    expect(Object.keys(failures)).toEqual(["503"]);
    // Half of three of ten seconds.
    expect((failures["503"] ?? 0) / requests).toBeGreaterThan(0.12);
    expect((failures["503"] ?? 0) / requests).toBeLessThan(0.18);
  });

  test("flaps is down half of the time", async () => {
    const { series } = await simulated(configuration(), during("flap 500ms"));
    const calls = series.origins["shop[1]"]?.calls.slice(30, 60) ?? [];
    expect(calls.filter((each) => each === 0).length).toBeGreaterThan(10);
    expect(calls.filter((each) => each > 0).length).toBeGreaterThan(10);
  });
});

describe("an endpoint over its capacity", () => {
  const one = { endpoints: ["http://10.0.0.1:80"] };
  // 200/s at 50 ms each are ten at once.
  const busy = (slowdown: string, capacity: number) =>
    scenario({
      origins: { shop: { latency: { p50: "50ms", p99: "50ms" }, capacity, slowdown } },
    });

  test("queues calls, longer and longer", async () => {
    const { origins, series } = await simulated(configuration({ cluster: one }), busy("queue", 8));
    expect(origins[0]?.mostWorking).toBe(8);
    expect(origins[0]?.mostQueued).toBeGreaterThan(300);
    expect(series.p50.at(-1)).toBeGreaterThan(1_000);
  });

  test("or works on all of them, more slowly", async () => {
    const { origins, latency } = await simulated(configuration({ cluster: one }), busy("degrade", 9));
    expect(origins[0]?.mostQueued).toBe(0);
    expect(origins[0]?.mostWorking).toBeGreaterThan(20);
    expect(latency?.p99).toBeGreaterThan(100);
  });

  test("continues with calls that nobody waits for any more", async () => {
    const hasty = configuration({ cluster: one, route: { policies: { timeout: "60ms" } } });
    const { success, origins } = await simulated(hasty, busy("queue", 8));
    // It is always behind with work for callers that have left.
    expect(success).toBeLessThan(0.1);
    expect(origins[0]?.mostQueued).toBeGreaterThan(300);
  });
});

describe("the policies of the configuration", () => {
  test("balance, retry, break circuits and eject as they do in the proxy", async () => {
    const bare = await simulated(configuration(), during("errors 100%"));
    const careful = await simulated(
      configuration({
        route: { policies: { retry: { attempts: 3 } } },
        cluster: { outliers: { ejection: "1s" }, policies: { circuitBreaker: {} } },
      }),
      during("errors 100%"),
    );
    expect(bare.success).toBeLessThan(0.93);
    expect(careful.success).toBeGreaterThan(0.995);
    expect(careful.events["retry retried"]).toBeGreaterThan(0);
    const messages = careful.timeline.map(({ message }) => message);
    expect(messages).toContain("circuit opened");
    expect(messages).toContain("endpoint ejected");
    const ejected = careful.timeline.find(({ message }) => message === "endpoint ejected");
    expect(ejected?.facts["endpoint"]).toBe("http://10.0.0.2");
    expect(ejected?.atMs).toBeGreaterThan(3_000);
    expect(careful.series.origins["shop[1]"]?.status.some((text) => text.includes("ejected: "))).toBe(true);
  });

  test("limit the rate of each client", async () => {
    const limit = { perClient: { rate: "10/s", burst: 10 } };
    const load = { route: "api", rate: "200/s", for: "10s" };
    const limited = configuration({ listener: { policies: { rateLimit: limit } } });
    const few = await simulated(limited, scenario({ load: [{ ...load, clients: 2 }] }));
    expect(few.failures).toEqual({ "429 RateLimited": expect.any(Number) });
    // Two clients with 110 each of 2,000.
    expect(few.success).toBeCloseTo(0.11, 1);
    const many = await simulated(limited, scenario({ load: [{ ...load, clients: 100 }] }));
    expect(many.success).toBe(1);
  });

  test("check health through the simulated network", async () => {
    const check = { type: "http", interval: "200ms", timeout: "100ms", expectedStatus: [204] };
    const { timeline, success } = await simulated(
      configuration({ cluster: { check, policies: { timeout: "100ms" } } }),
      during("hang"),
    );
    expect(timeline.map(({ message }) => message)).toEqual(["endpoint is unhealthy", "endpoint is healthy"]);
    expect(success).toBeGreaterThan(0.95);
  });

  test("that cannot be simulated are left out and named", async () => {
    const users = {
      ann: "$scrypt$ln=15,r=8,p=3$cYs8YPcUI3delQZ7G3lbYw$9iBsPXxs8OfY2e3oVVNcNLP1HrQFuBglVTeSP078fs0",
    };
    const { success, notes } = await simulated(
      configuration({ route: { policies: { basicAuth: { users } } } }),
    );
    expect(success).toBe(1);
    expect(notes).toEqual(["basicAuth is not simulated: every password is accepted"]);
  });
});

test("what a simulation leaves out is named, if the configuration has it", async () => {
  const notesOf = async (config: object): Promise<readonly string[]> => (await simulated(config)).notes;
  expect(await notesOf(configuration())).toEqual([]);
  const tls = { certificates: [{ certificate: "a.pem", key: "a.key" }] };
  const secured = /^TLS is not simulated/;
  const cases: readonly (readonly [object, RegExp])[] = [
    [{ ...configuration(), workers: 2 }, /^one worker is simulated/],
    [configuration({ listener: { tls } }), secured],
    [configuration({ cluster: { endpoints: ["https://10.0.0.1:443"] } }), secured],
    [configuration({ listener: { maxConnections: 10 } }), /^connections of clients are not simulated/],
    [configuration({ listener: { timeouts: { head: "5s" } } }), /^connections of clients are not simulated/],
    [
      configuration({ cluster: { pool: { connectTimeout: "1s" } } }),
      /^connections to origins are opened at once/,
    ],
    [configuration({ cluster: { client: "undici", proxy: "http://proxy:1" } }), /^forward proxies/],
    [
      configuration({ route: { policies: { bodyLimit: "1KiB" } } }),
      /^bodyLimit is not simulated: requests have no body$/,
    ],
  ];
  for (const [config, note] of cases) {
    const notes = await notesOf(config);
    expect([config, ...notes]).toEqual([config, expect.stringMatching(note)]);
  }
  expect(await notesOf(configuration({ cluster: { pool: { maxConnections: 10 } } }))).toEqual([]);
  const { notes } = await simulated(
    configuration({ cluster: { endpoints: undefined, dns: { host: "shop", port: 443, scheme: "https" } } }),
    scenario({ origins: { shop: { latency: { p50: "1ms", p99: "2ms" }, endpoints: 4 } } }),
  );
  expect(notes).toEqual([expect.stringMatching(secured)]);
});

test("discovered endpoints are those of the scenario", async () => {
  const { origins } = await simulated(
    configuration({ cluster: { endpoints: undefined, dns: { host: "shop", port: 80 } } }),
    scenario({ origins: { shop: { latency: { p50: "1ms", p99: "2ms" }, endpoints: 4 } } }),
  );
  expect(origins.map(({ name }) => name)).toEqual(["shop[0]", "shop[1]", "shop[2]", "shop[3]"]);
});

test("requests that are never answered count as such", async () => {
  const { failures, requests, success } = await simulated(
    configuration({ route: { policies: { timeout: "0ms" } } }),
    scenario({ events: [{ at: "5s", origin: "shop", does: "hang" }] }),
  );
  expect(failures["unanswered"]).toBeGreaterThan(900);
  expect(success).toBeCloseTo(1 - (failures["unanswered"] ?? 0) / requests, 6);
});

test("nothing but the virtual clock and the seed is used, whatever is configured", async () => {
  const config = configuration({
    listener: {
      policies: {
        rateLimit: { global: { rate: "150/s" } },
        clientConcurrency: { limit: 5 },
        concurrencyLimit: { algorithm: "gradient2" },
      },
    },
    route: {
      policies: {
        extAuthz: { cluster: "authz" },
        timeout: "1s",
        cache: {},
        buffer: { capacity: 10 },
        concurrencyLimit: 3,
        mirror: { cluster: "authz", ratio: "10%" },
        retry: {},
        hedge: { minSamples: 10, window: "1s" },
        fault: { delay: { ratio: "1%", time: "50ms" }, failure: { ratio: "1%" } },
      },
    },
    cluster: {
      balance: "peak-ewma",
      slowStart: "1s",
      check: { type: "tcp", interval: "1s" },
      outliers: {},
      policies: {
        failfast: "1s",
        circuitBreaker: {},
        concurrencyLimit: { algorithm: "aimd" },
        timeout: "200ms",
      },
    },
    clusters: { authz: { endpoints: ["http://10.0.1.1:80"], check: { type: "grpc" } } },
  });
  const latency = { p50: "10ms", p99: "100ms" };
  const trouble = during("hang", "shop[1]", { origins: { shop: { latency }, authz: { latency } } });
  const timers = vi.spyOn(globalThis, "setTimeout");
  onTestFinished(() => timers.mockRestore());
  const { events, digest } = await simulated(config, trouble);
  expect(timers).not.toHaveBeenCalled();
  expect(Object.keys(events).length).toBeGreaterThan(8);
  // Neither is any source of chance but the seeded one.
  expect((await simulated(config, trouble)).digest).toBe(digest);
});
