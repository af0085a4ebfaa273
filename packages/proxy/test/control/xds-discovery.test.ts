import { assignment, changes, cluster, ScriptedControlPlane } from "@pagoda/xds/testing";
import { systemClock } from "@pagoda/core";
import { pino } from "pino";
import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { ControlPlanes } from "../../src/control/control-planes.ts";
import { XdsDiscovery } from "../../src/control/xds-discovery.ts";
import type { Central } from "../../src/data-plane/central-endpoints.ts";
import { resolved } from "../data-plane/resolved.ts";

function controlled({ url: server }: { readonly url: string }) {
  return resolved({
    clusters: { shop: { xds: "shop" } },
    control: { xds: { server, node: { id: "test" } } },
  });
}

/** Serves one endpoint to the next client. */
async function serve(plane: ScriptedControlPlane, address: string): Promise<void> {
  const stream = await plane.delta.next();
  stream.send(changes("1", [cluster("shop")]));
  stream.send(changes("2", [assignment("shop", address)]));
}

test("a rejected configuration leaves no endpoints of its control plane (defect: they stayed)", async () => {
  await using one = await new ScriptedControlPlane().listen();
  await using two = await new ScriptedControlPlane().listen();
  const sent: (readonly string[])[] = [];
  const log = pino({ level: "silent" });
  const planes = new ControlPlanes({ log, registry: new Registry(), clock: systemClock });
  const discovery = new XdsDiscovery({
    planes,
    clock: systemClock,
    changed: ({ endpoints }: Central) => void sent.push(endpoints.map(({ key }) => key)),
  });
  const [first, second] = [controlled(one), controlled(two)];
  await Promise.all([discovery.begin(first), serve(one, "10.0.0.1:80")]);
  discovery.keep(first);
  await Promise.all([discovery.begin(second), serve(two, "10.0.0.2:80")]);
  await Promise.resolve();
  expect(sent.at(-1)).toEqual(["http://10.0.0.2:80"]);
  // Workers have refused the second one.
  discovery.keep(first);
  await Promise.resolve();
  expect(sent.at(-1)).toEqual(["http://10.0.0.1:80"]);
  discovery.close();
});
