import {
  assignment,
  cds,
  changes,
  cluster,
  eds,
  packed,
  ScriptedControlPlane,
  world,
} from "@pagoda/xds/testing";
import { afterAll, describe, expect, test, type TestContext } from "vitest";
import { configured, Folder, through } from "./configured.ts";
import { buildsGoControlPlane, GoControlPlane, skipWithoutGo } from "./go-control-plane.ts";
import { named, type Origin } from "./origin.ts";
import { SteadyCalls } from "./steady-calls.ts";

buildsGoControlPlane();

const disconnected = "control plane disconnected; keeping the last known endpoints";

function controlled(server: string, protocol: "delta" | "sotw"): object {
  return { ...through({ xds: "shop" }), control: { xds: { server, protocol, node: { id: "test" } } } };
}

function at({ port }: { readonly port: number }): string {
  return `127.0.0.1:${port}`;
}

describe.each(["delta", "sotw"] as const)("calls continue while go-control-plane, %s,", (protocol) => {
  let version = 100;
  let starting: ReturnType<typeof start> | undefined;
  const atEnd = new AsyncDisposableStack();
  afterAll(() => atEnd.disposeAsync());

  async function start() {
    const [one, two] = [atEnd.use(await named("one")), atEnd.use(await named("two"))];
    const plane = atEnd.use(await new GoControlPlane().listen());
    const serve = (origin: Origin, as = String(++version)): Promise<void> =>
      plane.serve({ version: as, clusters: { shop: { endpoints: [{ address: at(origin) }] } } });
    await serve(one);
    const folder = atEnd.use(new Folder());
    const config = controlled(plane.url, protocol);
    return {
      one,
      two,
      plane,
      serve,
      pagoda: atEnd.use(await configured(folder, config, { PROXY_WORKERS: "2" })),
    };
  }

  /** One program for all tests, whose control plane serves the first origin. */
  async function started(skip: TestContext["skip"]) {
    skipWithoutGo(skip);
    const all = await (starting ??= start());
    await all.serve(all.one);
    return all;
  }

  test("is killed, and change when it has started again", async ({ skip }) => {
    const { two, plane, serve, pagoda } = await started(skip);
    await using calls = new SteadyCalls(pagoda.url);
    await calls.only("one");
    await plane.kill();
    await pagoda.log(disconnected);
    await calls.more(200);
    expect(new Set(calls.answers.slice(-200))).toEqual(new Set(["one"]));
    await plane.listen();
    await serve(two);
    await calls.only("two");
    expect([calls.refused, calls.broken]).toEqual([[], []]);
  });

  test("hangs, and change when it continues", async ({ skip }) => {
    const { two, plane, serve, pagoda } = await started(skip);
    await using calls = new SteadyCalls(pagoda.url);
    await calls.only("one");
    plane.signal("SIGSTOP");
    const late = serve(two);
    await calls.more(200);
    expect(new Set(calls.answers.slice(-200))).toEqual(new Set(["one"]));
    plane.signal("SIGCONT");
    await late;
    await calls.only("two");
    expect([calls.refused, calls.broken]).toEqual([[], []]);
  });

  test("has started again and knows nothing yet, and change when it does", async ({ skip }) => {
    const { two, plane, serve, pagoda } = await started(skip);
    await using calls = new SteadyCalls(pagoda.url);
    await calls.only("one");
    await plane.kill();
    plane.requests.splice(0);
    await plane.listen();
    const again = await plane.request(({ type }) => type === eds);
    // It says what it has, so that only what has changed is sent.
    expect(Object.keys(again.known ?? {})).toEqual(protocol === "delta" ? ["shop"] : []);
    await calls.more(200);
    expect(new Set(calls.answers.slice(-200))).toEqual(new Set(["one"]));
    await serve(two);
    await calls.only("two");
    expect([calls.refused, calls.broken]).toEqual([[], []]);
  });

  test("goes back to an earlier version", async ({ skip }) => {
    const { one, two, serve, pagoda } = await started(skip);
    await serve(one, "9");
    await using calls = new SteadyCalls(pagoda.url);
    await calls.only("one");
    await serve(two, "3");
    await calls.only("two");
    await serve(one, "9");
    await calls.only("one");
    expect([calls.refused, calls.broken]).toEqual([[], []]);
  });

  test("is away and all workers die: only their calls in flight break", async ({ skip }) => {
    const { two, plane, serve, pagoda } = await started(skip);
    await using calls = new SteadyCalls(pagoda.url);
    await calls.only("one");
    await plane.kill();
    const before = await pagoda.workers();
    for (const pid of before) process.kill(pid, "SIGKILL");
    for (const worker of before.keys())
      await pagoda.log((line) => line.msg === "worker restarted" && line["worker"] === worker);
    await calls.only("one", 100);
    expect(calls.refused).toEqual([]);
    expect(new Set(calls.answers)).toEqual(new Set(["one"]));
    await plane.listen();
    await serve(two);
    await calls.only("two");
  });

  test("removes the cluster: calls are refused at once, until it is there again", async ({ skip }) => {
    const { two, plane, serve, pagoda } = await started(skip);
    await using calls = new SteadyCalls(pagoda.url);
    await calls.only("one");
    await plane.serve({ version: String(++version), clusters: {} });
    await calls.refusal("503");
    await serve(two);
    await calls.only("two");
    expect(calls.broken).toEqual([]);
  });
});

describe("calls continue while a control plane", () => {
  test("talks nonsense, and follow it when it does not", async () => {
    await using one = await named("one");
    await using two = await named("two");
    await using plane = await new ScriptedControlPlane().listen();
    using folder = new Folder();
    const starting = configured(folder, controlled(plane.url, "delta"), { PROXY_WORKERS: "2" });
    const stream = await plane.delta.next();
    stream.send(changes("1", [cluster("shop")]));
    stream.send(changes("2", [assignment("shop", at(one))]));
    await using pagoda = await starting;
    await using calls = new SteadyCalls(pagoda.url);
    await calls.only("one");
    const [good] = changes("3", [assignment("shop", at(two))]).resources ?? [];
    const broken = { ...good, resource: { ...packed(assignment("shop")), value: Uint8Array.of(255, 255) } };
    const other = packed(cluster("shop"));
    stream.send({ ...changes("3", []), typeUrl: eds, resources: [broken] as never });
    stream.send({ ...changes("4", []), typeUrl: eds, resources: [{ ...good, resource: other }] as never });
    stream.send({ ...changes("5", []), typeUrl: "type.googleapis.com/envoy.Nonsense" });
    stream.send(changes("6", [assignment("nobody", at(two))]));
    stream.send(changes("7", [], { removed: ["nobody"], url: cds }));
    stream.send(changes("8", [assignment("shop", "10.0.0.7:0")]));
    const line = await pagoda.log(({ msg, version }) => msg.includes("rejected") && version === "8");
    expect(line["problems"]).toEqual([
      'eds "shop": endpoints[0].lb_endpoints[0].endpoint.address.port_value must be an integer from 1 to 65535 (got 0)',
    ]);
    await calls.more(200);
    expect(new Set(calls.answers)).toEqual(new Set(["one"]));
    stream.send(changes("9", [assignment("shop", at(two))]));
    await calls.only("two");
    expect([calls.refused, calls.broken]).toEqual([[], []]);
  });

  test.each(["delta", "sotw"] as const)("sends what was rejected again and again, %s", async (protocol) => {
    await using one = await named("one");
    await using two = await named("two");
    await using plane = await new ScriptedControlPlane().listen();
    using folder = new Folder();
    const starting = configured(folder, controlled(plane.url, protocol), { PROXY_WORKERS: "2" });
    const stream = protocol === "delta" ? await plane.delta.next() : await plane.sotw.next();
    const send = (version: string, message: Parameters<typeof packed>[0]): void =>
      stream.send(protocol === "delta" ? changes(version, [message]) : world(version, [message]));
    send("1", cluster("shop"));
    send("2", assignment("shop", at(one)));
    await using pagoda = await starting;
    await using calls = new SteadyCalls(pagoda.url);
    await calls.only("one");
    let rejections = 0;
    const beganMs = performance.now();
    const bad = assignment("shop", "10.0.0.7:0");
    send("3", bad);
    let isOver = false;
    const resending = (async () => {
      while (!isOver) {
        const { errorDetail } = await stream.next();
        if (errorDetail === undefined) continue;
        rejections++;
        send("3", bad);
      }
    })();
    await calls.more(500);
    // At once, and then after 1 s, 2 s and so on.
    const seconds = (performance.now() - beganMs) / 1_000;
    expect(rejections).toBeLessThanOrEqual(2 + Math.log2(1 + seconds));
    expect(rejections).toBeGreaterThanOrEqual(1);
    isOver = true;
    send("4", assignment("shop", at(two)));
    await calls.only("two");
    await resending;
    expect([calls.refused, calls.broken]).toEqual([[], []]);
  });
});
