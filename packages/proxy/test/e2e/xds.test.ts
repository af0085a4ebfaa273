import { AssigningControlPlane, assignment } from "@pagoda/xds/testing";
import { describe, expect, test } from "vitest";
import { bodies } from "./client.ts";
import { configured, Folder, says, through } from "./configured.ts";
import { named } from "./origin.ts";
import { until } from "./program.ts";
import { quietPort } from "./quiet-port.ts";

/** A proxy of which one cluster gets its endpoints from a control plane. */
function controlled(plane: { readonly url: string }, xds = "shop"): object {
  return { ...through({ xds }), control: { xds: { server: plane.url, node: { id: "edge-1" } } } };
}

function at({ port }: { readonly port: number }): string {
  return `127.0.0.1:${port}`;
}

describe("a cluster with the endpoints of a control plane", () => {
  test("follows their changes in all workers, over one connection", async () => {
    await using one = await named("one");
    await using two = await named("two");
    await using plane = await new AssigningControlPlane().listen();
    plane.assign({ shop: [at(one)] });
    using folder = new Folder();
    await using pagoda = await configured(folder, controlled(plane), { PROXY_WORKERS: "2" });
    await pagoda.log("control plane connected");
    expect(await bodies(pagoda.url, 8)).toEqual(Array.from({ length: 8 }, () => "one"));
    expect((await pagoda.admin("/ready")).status).toBe(200);
    plane.assign({ shop: [at(one), at(two)] });
    await until(
      () => bodies(pagoda.url, 8),
      (seen) => seen.includes("two"),
    );
    plane.assign({ shop: [at(two)] });
    await until(
      () => bodies(pagoda.url, 16),
      (seen) => !seen.includes("one"),
    );
    const { text } = await pagoda.admin("/clusters");
    expect(text).toContain('"versions":{"cds":"1","eds":"3"}');
    expect(await pagoda.metric("pagoda_xds_connected")).toBe(1);
    expect(await pagoda.metric("pagoda_xds_updates_total", { kind: "eds", result: "accepted" })).toBe(3);
    expect(await pagoda.metric("pagoda_xds_version_info", { kind: "eds", version: "3" })).toBe(1);
    expect(plane.connections).toBe(1);
  });

  test("keeps them while the control plane is away, also in new workers, and follows it again", async () => {
    await using one = await named("one");
    await using two = await named("two");
    await using plane = await new AssigningControlPlane(await quietPort()).listen();
    plane.assign({ shop: [at(one)] });
    using folder = new Folder();
    await using pagoda = await configured(folder, controlled(plane), { PROXY_WORKERS: "1" });
    expect(await bodies(pagoda.url, 2)).toEqual(["one", "one"]);
    await plane.kill();
    await pagoda.log("control plane disconnected; keeping the last known endpoints");
    expect(await pagoda.metric("pagoda_xds_connected")).toBe(0);
    await until(
      () => pagoda.admin("/clusters"),
      ({ text }) => /"reason":"xds: control plane disconnected: /.test(text),
    );
    const [worker] = await pagoda.workers();
    process.kill(worker as number, "SIGKILL");
    await pagoda.log("worker restarted");
    expect(await bodies(pagoda.url, 4)).toEqual(["one", "one", "one", "one"]);
    expect((await pagoda.admin("/ready")).status).toBe(200);
    await plane.listen();
    plane.assign({ shop: [at(two)] });
    await until(
      () => bodies(pagoda.url, 2),
      (seen) => !seen.includes("one"),
    );
    await until(
      () => pagoda.admin("/clusters"),
      ({ text }) => !text.includes('"reason":"xds'),
    );
  });

  test("is not ready before the control plane has answered, and serves other clusters meanwhile", async () => {
    await using one = await named("one");
    await using plane = await new AssigningControlPlane(await quietPort()).listen();
    await plane.kill();
    using folder = new Folder();
    const [listener] = (controlled(plane) as { readonly listeners: readonly object[] }).listeners;
    const routes = [
      { name: "all", cluster: "origin" },
      { ...says("here", "own"), match: { path: "/own" } },
    ];
    const config = { ...controlled(plane), listeners: [{ ...listener, routes }] };
    await using pagoda = await configured(folder, config);
    const { status, text } = await pagoda.admin("/ready");
    expect([status, text]).toEqual([503, expect.stringContaining("the control plane has not sent shop")]);
    expect(await bodies(`${pagoda.url}/own`, 1)).toEqual(["here"]);
    plane.assign({ shop: [at(one)] });
    await plane.listen();
    await until(
      () => pagoda.admin("/ready"),
      (ready) => ready.status === 200,
    );
    expect(await bodies(pagoda.url, 1)).toEqual(["one"]);
  });

  test("a rejected change is reported everywhere, and the last valid one is kept", async () => {
    await using one = await named("one");
    await using plane = await new AssigningControlPlane().listen();
    plane.assign({ shop: [at(one)] });
    using folder = new Folder();
    await using pagoda = await configured(folder, controlled(plane));
    expect(await bodies(pagoda.url, 1)).toEqual(["one"]);
    const failover = assignment("shop", "10.0.0.7:80");
    for (const locality of failover.endpoints) locality.priority = 1;
    plane.assign({ shop: failover });
    const problem = 'eds "shop": endpoints[0].priority must be 0 (got 1)';
    expect(await plane.rejections.next()).toBe(problem);
    const line = await pagoda.log("control plane update rejected; keeping what was valid");
    expect(line).toMatchObject({ level: 40, kind: "eds", version: "2", problems: [problem] });
    await until(
      () => pagoda.admin("/clusters"),
      ({ text }) =>
        text.includes('"reason":"xds: eds \\"shop\\" rejected: endpoints[0].priority must be 0 (got 1)"'),
    );
    expect(await pagoda.metric("pagoda_xds_updates_total", { kind: "eds", result: "rejected" })).toBe(1);
    expect(await bodies(pagoda.url, 2)).toEqual(["one", "one"]);
  });
});
