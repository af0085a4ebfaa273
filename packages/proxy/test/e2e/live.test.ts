import { expect, test } from "vitest";
import type { LiveEvents, LivePoint } from "../../src/live/snapshot.ts";
import { call } from "./client.ts";
import { configured, Folder, through } from "./configured.ts";
import { named, origin } from "./origin.ts";
import { type Pagoda, until } from "./program.ts";

type Parts = Partial<LiveEvents>;

/** A viewer of `/live`: the last version of each part. */
class Viewer implements AsyncDisposable {
  readonly parts: { -readonly [P in keyof LiveEvents]?: LiveEvents[P] } = {};
  readonly points: LivePoint[] = [];
  type: string | null = null;
  /** Events that have come, by part. */
  readonly counts = new Map<string, number>();
  #changed = Promise.withResolvers<void>();
  readonly #ending = new AbortController();
  readonly #over: Promise<void>;

  constructor(pagoda: Pagoda) {
    this.#over = this.#read(`${pagoda.adminUrl}/live`).catch((error: unknown) => {
      if (!this.#ending.signal.aborted) throw error;
    });
  }

  /** Waits until the parts are so. */
  async until(holds: (parts: Parts) => boolean): Promise<Parts> {
    while (!holds(this.parts)) await Promise.race([this.#changed.promise, this.#over]);
    return this.parts;
  }

  async #read(url: string): Promise<void> {
    const response = await fetch(url, { signal: this.#ending.signal });
    this.type = response.headers.get("content-type");
    let rest = "";
    for await (const piece of (response.body as ReadableStream<Uint8Array>).pipeThrough(
      new TextDecoderStream() as unknown as ReadableWritablePair<string, Uint8Array>,
    )) {
      const all = (rest + piece).split("\n\n");
      rest = all.pop() as string;
      for (const event of all) this.#take(event);
    }
  }

  #take(event: string): void {
    const [, name, data] = /^event: (\w+)\ndata: (.*)$/.exec(event) ?? [];
    if (name === undefined || data === undefined) return;
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
    if (name === "point") this.points.push(JSON.parse(data) as LivePoint);
    else Object.assign(this.parts, { [name]: JSON.parse(data) as unknown });
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    await this.#over;
  }
}

/** Sends calls until something holds. */
async function calling(url: string, holds: () => boolean): Promise<void> {
  while (!holds()) await call(url);
}

test("a viewer gets the stack, and figures of the calls in all workers", async () => {
  await using one = await named("one");
  using folder = new Folder();
  const routes = [
    { name: "api", match: { path: "/api" }, cluster: "origin", policies: { timeout: "2s" } },
    { name: "all", respond: { status: 200 } },
  ];
  const config = through({ endpoints: [one.url] }, { routes });
  await using pagoda = await configured(folder, config, { PROXY_WORKERS: "2" });
  await using viewer = new Viewer(pagoda);
  const { proxy, stack, workers } = await viewer.until(({ history }) => history !== undefined);
  expect(proxy).toMatchObject({
    pid: pagoda.pid,
    version: expect.stringMatching(/^\d+\.\d+\.\d+/) as string,
  });
  expect(stack?.listeners).toMatchObject([
    {
      listener: "main",
      url: pagoda.url,
      routes: [
        {
          route: "api",
          match: ["path prefix /api"],
          clusters: [{ cluster: "origin", share: 1 }],
          policies: [{ policy: "timeout", settings: "2s" }],
        },
        { route: "all", match: [], answer: "respond 200" },
      ],
    },
  ]);
  expect(workers?.map(({ worker, state }) => [worker, state])).toEqual([
    [null, "serving"],
    [0, "serving"],
    [1, "serving"],
  ]);
  await calling(`${pagoda.url}/api`, () => viewer.parts.figures?.endpoints.length === 1);
  expect(viewer.parts.figures).toMatchObject({
    routes: [{ listener: "main", route: "api", failedPerSecond: 0, refusedPerSecond: 0 }],
    clusters: [{ cluster: "origin" }],
    endpoints: [{ cluster: "origin", endpoint: one.url }],
  });
  const [route] = viewer.parts.figures?.routes ?? [];
  expect(route?.perSecond).toBeGreaterThan(0);
  expect(route?.p50Ms).toBeLessThanOrEqual(route?.p99Ms as number);
  expect(viewer.type).toBe("text/event-stream");
  // What has not changed has been sent once.
  expect([viewer.counts.get("stack"), viewer.counts.get("certificates")]).toEqual([1, 1]);
});

test("an ejected endpoint is shown with its reason and its end, and its failures lead to their requests", async () => {
  await using good = await named("good");
  await using bad = await origin((_request, response) => {
    response.statusCode = 500;
    response.end();
  });
  using folder = new Folder();
  const cluster = { endpoints: [good.url, bad.url], outliers: { consecutiveFailures: 3 } };
  await using pagoda = await configured(folder, through(cluster));
  await using viewer = new Viewer(pagoda);
  const isEjected = ({ clusters }: Parts): boolean =>
    clusters?.some(({ shown }) =>
      shown.some(({ troubles }) => troubles.some(({ cause }) => cause === "ejected")),
    ) === true;
  await viewer.until(({ figures }) => figures !== undefined);
  const before = Date.now();
  await calling(pagoda.url, () => isEjected(viewer.parts));
  const [shown] = viewer.parts.clusters?.[0]?.shown ?? [];
  expect(shown).toMatchObject({ endpoint: bad.url, healthy: false });
  const [trouble] = shown?.troubles.filter(({ cause }) => cause === "ejected") ?? [];
  expect(trouble).toMatchObject({ reason: "ejected: consecutive-failures", blocks: true, workers: [0] });
  expect(trouble?.until).toBeGreaterThan(before);
  await viewer.until(({ figures }) => figures?.routes.some(({ failed }) => failed !== undefined) === true);
  const [{ failed = "" } = {}] = viewer.parts.figures?.routes ?? [];
  const requests = JSON.parse((await pagoda.admin(failed)).text) as { readonly upstream: string }[];
  expect(new Set(requests.map(({ upstream }) => upstream))).toEqual(new Set([bad.url]));
});

test("requests that a limit refuses are counted, and lead to their records", async () => {
  using folder = new Folder();
  const policies = { rateLimit: { global: { rate: "1/s", burst: 1 } } };
  const routes = [{ name: "all", respond: { status: 200 } }];
  const config = { listeners: [{ name: "main", address: "127.0.0.1:0", policies, routes }] };
  await using pagoda = await configured(folder, config);
  await using viewer = new Viewer(pagoda);
  await viewer.until(({ figures }) => figures !== undefined);
  await calling(pagoda.url, () => viewer.parts.figures?.total.refused !== undefined);
  const { routes: shown, errors } = viewer.parts.figures as LiveEvents["figures"];
  const none = shown.find(({ route }) => route === "none");
  expect(none).toMatchObject({
    failedPerSecond: 0,
    refused: "/requests?listener=main&route=none&reason=refused",
  });
  expect(errors).toMatchObject([{ listener: "main", error: "RateLimited" }]);
  const requests = JSON.parse((await pagoda.admin(none?.refused as string)).text) as object[];
  expect(requests[0]).toMatchObject({ reason: "refused", status: 429 });
});

test("a worker that is killed makes no rate negative, and its replacement is shown", async () => {
  using folder = new Folder();
  const config = {
    listeners: [{ address: "127.0.0.1:0", routes: [{ name: "all", respond: { status: 200 } }] }],
  };
  await using pagoda = await configured(folder, config, { PROXY_WORKERS: "2" });
  await using viewer = new Viewer(pagoda);
  await viewer.until(({ figures }) => figures !== undefined);
  await calling(pagoda.url, () => (viewer.parts.figures?.total.perSecond ?? 0) > 0);
  const rates: number[] = [];
  const pidOf = (worker: number) =>
    viewer.parts.workers?.find((each) => each.worker === worker)?.pid as number;
  const killed = pidOf(1);
  process.kill(killed, "SIGKILL");
  await viewer.until(({ figures, workers }) => {
    rates.push(figures?.total.perSecond ?? 0, figures?.routes[0]?.perSecond ?? 0);
    return (
      workers?.some(({ worker, pid, inFlight }) => worker === 1 && pid !== killed && inFlight !== null) ===
      true
    );
  });
  expect(Math.min(...rates)).toBeGreaterThanOrEqual(0);
});

test("reloads are remembered with what they changed, or why they were rejected", async () => {
  using folder = new Folder();
  const config = (status: number): object => ({
    listeners: [
      {
        name: "main",
        address: "127.0.0.1:0",
        routes: [{ name: "all", respond: { status, body: "secret" } }],
      },
    ],
  });
  await using pagoda = await configured(folder, config(200));
  await using viewer = new Viewer(pagoda);
  await viewer.until(({ reloads }) => reloads !== undefined);
  expect(viewer.parts.reloads).toEqual([]);
  folder.write("pagoda.yaml", config(404));
  await viewer.until(({ reloads }) => reloads?.length === 1);
  folder.write("pagoda.yaml", { listeners: 1 });
  await viewer.until(({ reloads }) => reloads?.length === 2);
  expect(viewer.parts.reloads).toMatchObject([
    {
      trigger: "file change",
      result: "rejected",
      problems: [expect.stringContaining("listeners: must be a list") as string],
    },
    {
      trigger: "file change",
      result: "applied",
      changes: [{ path: "listeners[main].routes[all].respond.status", before: "200", after: "404" }],
      secrets: false,
    },
  ]);
});

test("there are at most 20 viewers, and those that leave make room", async () => {
  using folder = new Folder();
  const config = {
    listeners: [{ address: "127.0.0.1:0", routes: [{ name: "all", respond: { status: 200 } }] }],
  };
  await using pagoda = await configured(folder, config);
  const viewers = Array.from({ length: 20 }, () => new Viewer(pagoda));
  await Promise.all(viewers.map((viewer) => viewer.until(({ proxy }) => proxy !== undefined)));
  expect(await pagoda.admin("/live")).toEqual({
    status: 503,
    text: "there are 20 viewers already, which is the maximum\n",
  });
  await Promise.all(viewers.map((viewer) => viewer[Symbol.asyncDispose]()));
  // Each look is a viewer of its own, which leaves at once.
  await until(
    async () => {
      const ending = new AbortController();
      const { status } = await fetch(`${pagoda.adminUrl}/live`, { signal: ending.signal });
      ending.abort();
      return status;
    },
    (status) => status === 200,
  );
});
