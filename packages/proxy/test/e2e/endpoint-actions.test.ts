import { describe, expect, test } from "vitest";
import { call } from "./client.ts";
import { configured, Folder, through } from "./configured.ts";
import { Arrivals, named, origin } from "./origin.ts";
import { type Pagoda, successorOf, until } from "./program.ts";

const two = { PROXY_WORKERS: "2" };

/**
 * What many clients get, each on a connection of its own: so that all workers serve some of them.
 */
async function seen(pagoda: Pagoda): Promise<readonly string[]> {
  const answers = Array.from({ length: 40 }, () => call(pagoda.url, { agent: false }));
  return [
    ...new Set((await Promise.all(answers)).map(({ body }) => body.split("\n", 1)[0] ?? "")),
  ].toSorted();
}

async function post(pagoda: Pagoda, path: string, query: Readonly<Record<string, string>>) {
  const url = `${pagoda.adminUrl}${path}?${new URLSearchParams(query).toString()}`;
  const { status, body } = await call(url, { method: "POST" });
  return { status, body };
}

interface Status {
  readonly endpoint: string;
  readonly healthy: boolean;
  readonly reason?: string;
  readonly state: { readonly workers: readonly { readonly operator?: object }[] };
}

async function endpoints(pagoda: Pagoda): Promise<readonly Status[]> {
  const clusters = JSON.parse((await pagoda.admin("/clusters")).text) as readonly {
    readonly endpoints: readonly Status[];
  }[];
  return clusters.flatMap((each) => each.endpoints);
}

describe("POST /endpoints/eject", () => {
  test("keeps calls away in all workers, through reloads and in new processes, until it is returned", async () => {
    await using one = await named("one");
    await using other = await named("other");
    using folder = new Folder();
    const cluster = { endpoints: [one.url, other.url] };
    await using pagoda = await configured(folder, through(cluster), two);
    using _successor = successorOf(pagoda);
    expect(await seen(pagoda)).toEqual(["one", "other"]);

    const ejected = await post(pagoda, "/endpoints/eject", {
      cluster: "origin",
      endpoint: `127.0.0.1:${one.port}`,
      for: "2h",
    });
    expect(ejected).toMatchObject({ status: 200 });
    expect(ejected.body).toMatch(new RegExp(`^ejected ${one.url} of cluster origin until \\S+Z\\n$`));
    expect(await seen(pagoda)).toEqual(["other"]);
    const end = ejected.body.trim().split(" ").at(-1);
    const [status] = await endpoints(pagoda);
    expect(status).toMatchObject({
      endpoint: one.url,
      healthy: false,
      reason: `ejected by an operator: until ${end}`,
      state: { workers: [{ operator: { ejected: true } }, { operator: { ejected: true } }] },
    });
    expect((await pagoda.admin("/stack")).text).toContain('"operator":{"ejected":true,"returnsInMs":');
    expect(await pagoda.log("admin action performed")).toMatchObject({
      action: "/endpoints/eject",
      parameters: { cluster: "origin", endpoint: `127.0.0.1:${one.port}`, for: "2h" },
      client: "127.0.0.1",
    });

    // A cluster with other settings is a new one.
    folder.write("pagoda.yaml", through({ ...cluster, balance: "random" }));
    await pagoda.log("configuration applied");
    expect(await seen(pagoda)).toEqual(["other"]);
    for (const pid of await pagoda.workers()) {
      const restarts = pagoda.logs.filter(({ msg }) => msg === "worker restarted").length;
      process.kill(pid, "SIGKILL");
      await pagoda.log(({ msg }) => msg === "worker restarted" && restarts < restartsOf(pagoda));
    }
    expect(await seen(pagoda)).toEqual(["other"]);
    pagoda.kill("SIGUSR2");
    await pagoda.log("drained");
    expect(await seen(pagoda)).toEqual(["other"]);

    const returned = await post(pagoda, "/endpoints/return", { cluster: "origin", endpoint: one.url });
    expect(returned).toEqual({ status: 200, body: `returned ${one.url} of cluster origin\n` });
    expect(await seen(pagoda)).toEqual(["one", "other"]);
    const again = await post(pagoda, "/endpoints/return", { cluster: "origin", endpoint: one.url });
    expect(again.status).toBe(404);
    expect(again.body).toContain("was not ejected by an operator; POST /breakers/reset ends ejections");
  });

  test("ends by itself, and lets requests in flight finish", async () => {
    const arrivals = new Arrivals<void>();
    const gate = Promise.withResolvers<void>();
    await using slow = await origin((_request, response) => {
      arrivals.add();
      void gate.promise.then(() => response.end("late"));
    });
    await using other = await named("other");
    using folder = new Folder();
    await using pagoda = await configured(folder, through({ endpoints: [slow.url, other.url] }), two);
    const answers = Array.from({ length: 8 }, () => call(pagoda.url, { agent: false }));
    await arrivals.next();
    const query = { cluster: "origin", endpoint: slow.url, for: "1s" };
    expect((await post(pagoda, "/endpoints/eject", query)).status).toBe(200);
    gate.resolve();
    expect(new Set((await Promise.all(answers)).map(({ body }) => body))).toContain("late");
    for (const { status } of await Promise.all(answers)) expect(status).toBe(200);
    expect(await pagoda.log("endpoint returned")).toMatchObject({ cluster: "origin", endpoint: slow.url });
    await until(
      () => endpoints(pagoda),
      (all) => all.every(({ healthy }) => healthy),
    );
  });

  test("refuses the last healthy endpoint unless forced; then nothing gets calls, though health is ignored", async () => {
    await using one = await named("one");
    await using other = await named("other");
    using folder = new Folder();
    await using pagoda = await configured(folder, through({ endpoints: [one.url, other.url] }), two);
    const eject = (endpoint: string, more: Readonly<Record<string, string>> = {}) =>
      post(pagoda, "/endpoints/eject", { cluster: "origin", endpoint, ...more });
    const both = await Promise.all([eject(one.url), eject(other.url)]);
    expect(both.map(({ status }) => status).toSorted()).toEqual([200, 409]);
    const last = both[0].status === 409 ? one.url : other.url;
    expect(both.map(({ body }) => body)).toContainEqual(
      `no other endpoint of cluster origin is healthy: add force=true to eject ${last}\n`,
    );
    expect((await eject(last, { force: "true" })).status).toBe(200);
    expect(await seen(pagoda)).toEqual(["503 no healthy upstream"]);
  });

  test("names what there is when a cluster or endpoint is unknown, and what a parameter must be", async () => {
    await using one = await named("one");
    await using other = await named("other");
    using folder = new Folder();
    await using pagoda = await configured(folder, through({ endpoints: [one.url, other.url] }));
    const known = { cluster: "origin", endpoint: one.url };
    for (const [query, status, text] of [
      [{ ...known, cluster: "shop" }, 404, 'cluster must be one of origin (got "shop")'],
      [
        { ...known, endpoint: "http://127.0.0.1:1" },
        404,
        `endpoint must be one of ${one.url}, ${other.url} in cluster origin (got "http://127.0.0.1:1")`,
      ],
      [{ endpoint: one.url }, 400, "cluster is required"],
      [{ cluster: "origin" }, 400, "endpoint is required"],
      [{ ...known, for: "25h" }, 400, 'for must be a duration from 1s to 24h, such as 10m (got "25h")'],
      [{ ...known, for: "10" }, 400, 'for must be a duration from 1s to 24h, such as 10m (got "10")'],
      [{ ...known, force: "1" }, 400, 'force must be true, or absent (got "1")'],
      [
        { ...known, fro: "10m" },
        400,
        'the parameters must be among cluster, endpoint, for, force (got "fro")',
      ],
    ] as const)
      expect(await post(pagoda, "/endpoints/eject", query)).toEqual({ status, body: `${text}\n` });
    const twice = await call(
      `${pagoda.adminUrl}/endpoints/eject?${new URLSearchParams(known).toString()}&cluster=shop`,
      { method: "POST" },
    );
    expect(twice).toMatchObject({ status: 400, body: "cluster must be given once (got it 2 times)\n" });
    expect(await seen(pagoda)).toEqual(["one", "other"]);
  });
});

/** An origin that fails until it is mended. */
async function failing(name: string) {
  let status = 500;
  const server = await origin((_request, response) => response.writeHead(status).end(name));
  return Object.assign(server, { mend: () => (status = 200) });
}

describe("POST /breakers/reset", () => {
  test("closes open circuits in all workers", async () => {
    await using bad = await failing("mended");
    using folder = new Folder();
    const policies = { circuitBreaker: { failures: 1, open: "300s" } };
    await using pagoda = await configured(folder, through({ endpoints: [bad.url], policies }), two);
    const nothing = await post(pagoda, "/breakers/reset", {});
    expect(nothing.status).toBe(404);
    expect(nothing.body).toBe("no circuit is open and no endpoint ejected by outlier detection\n");
    await seen(pagoda);
    bad.mend();
    expect(await seen(pagoda)).toEqual(["503 no upstream is ready"]);
    const unknown = await post(pagoda, "/breakers/reset", { cluster: "shop" });
    expect(unknown).toEqual({ status: 404, body: 'cluster must be one of origin (got "shop")\n' });
    expect(await post(pagoda, "/breakers/reset", { cluster: "origin", endpoint: bad.url })).toEqual({
      status: 200,
      body: `reset circuitBreaker of ${bad.url} of cluster origin\n`,
    });
    expect(await seen(pagoda)).toEqual(["mended"]);
  });

  test("ends ejections by outlier detection in all workers", async () => {
    await using bad = await failing("mended");
    await using other = await named("other");
    using folder = new Folder();
    const outliers = { consecutiveFailures: 1, ejection: "300s" };
    await using pagoda = await configured(
      folder,
      through({ endpoints: [bad.url, other.url], outliers }),
      two,
    );
    await seen(pagoda);
    bad.mend();
    expect(await seen(pagoda)).toEqual(["other"]);
    expect(await post(pagoda, "/breakers/reset", {})).toEqual({
      status: 200,
      body: `reset outliers of ${bad.url} of cluster origin\n`,
    });
    expect(await seen(pagoda)).toEqual(["mended", "other"]);
  });
});

function restartsOf(pagoda: Pagoda): number {
  return pagoda.logs.filter(({ msg }) => msg === "worker restarted").length;
}
