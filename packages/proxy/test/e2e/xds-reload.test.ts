import { assignment, changes, cluster, ScriptedControlPlane, world } from "@pagoda/xds/testing";
import { expect, test } from "vitest";
import { configured, Folder, through } from "./configured.ts";
import { named } from "./origin.ts";
import { SteadyCalls } from "./steady-calls.ts";

function controlled(xds: object): object {
  return { ...through({ xds: "shop" }), control: { xds } };
}

function at({ port }: { readonly port: number }): string {
  return `127.0.0.1:${port}`;
}

test.each([
  ["server", "delta", "b"],
  ["node", "delta", "a"],
  ["protocol", "sotw", "a"],
] as const)(
  "a changed %s of the control plane: endpoints stay until it has answered",
  async (what, protocol, on) => {
    await using one = await named("one");
    await using two = await named("two");
    await using a = await new ScriptedControlPlane().listen();
    await using b = await new ScriptedControlPlane().listen();
    using folder = new Folder();
    const xds = { server: a.url, node: { id: "edge-1" } };
    const starting = configured(folder, controlled(xds), { PROXY_WORKERS: "2" });
    const before = await a.delta.next();
    before.send(changes("1", [cluster("shop")]));
    before.send(changes("2", [assignment("shop", at(one))]));
    await using pagoda = await starting;
    await using calls = new SteadyCalls(pagoda.url);
    await calls.only("one");
    const plane = on === "a" ? a : b;
    const id = what === "node" ? "edge-2" : "edge-1";
    folder.write("pagoda.yaml", controlled({ server: plane.url, protocol, node: { id } }));
    const reloading = fetch(`${pagoda.adminUrl}/reload`, { method: "POST" });
    const after = protocol === "delta" ? await plane.delta.next() : await plane.sotw.next();
    expect((await after.next()).node?.id).toBe(id);
    // It says nothing, and after a while the configuration is applied without it.
    expect((await reloading).status).toBe(200);
    await before.ended;
    await calls.more(100);
    expect(new Set(calls.answers)).toEqual(new Set(["one"]));
    const messages = [cluster("shop"), assignment("shop", at(two))];
    for (const [version, message] of messages.entries())
      after.send(protocol === "delta" ? changes(`${version}`, [message]) : world(`${version}`, [message]));
    await calls.only("two");
    expect([calls.refused, calls.broken]).toEqual([[], []]);
  },
);
