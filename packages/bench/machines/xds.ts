import { startControlPlane } from "./control-plane.ts";
import { type Part, percentile } from "./part.ts";
import { connections, origin, startProxy, until, workers } from "./program.ts";

const changes = 100;

/** How fast changes of a control plane take effect in all workers. */
export const xds: Part = {
  name: "xds",
  async measure() {
    using one = await origin("one");
    using two = await origin("two");
    await using plane = await startControlPlane();
    const move = (to: { readonly port: number }): void =>
      plane.assign({ shop: { healthy: [`127.0.0.1:${to.port}`] } });
    move(one);
    const control = { xds: { server: plane.url, node: { id: "bench" } } };
    await using pagoda = await startProxy({ shop: { xds: "shop" } }, { control });
    using agents = connections(16);
    const urls = [`${pagoda.url}/shop`];
    const times: number[] = [];
    await until("one", urls, agents);
    for (let n = 1; n <= changes; n++) {
      const begun = performance.now();
      move(n % 2 === 0 ? one : two);
      await until(n % 2 === 0 ? "one" : "two", urls, agents);
      times.push(performance.now() - begun);
    }
    const what = `xDS: a change of endpoints is effective in ${workers} workers`;
    return [
      { what: `${what}, p50 of ${changes}`, value: percentile(times, 0.5), unit: "ms", atMost: 100 },
      { what: `${what}, p99`, value: percentile(times, 0.99), unit: "ms", atMost: 100 },
    ];
  },
};
