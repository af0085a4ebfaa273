import type { HostPorts, RouteOrder } from "./candidate.ts";
import type { PathOptions } from "./path.ts";

export interface RouteTableOptions extends PathOptions {
  /**
   * Which of several matching routes wins. Default `specific`: the most specific one. `first`: the
   * first in the list, as in Envoy. In both, routes with a more specific host come before others.
   */
  readonly order?: RouteOrder;
  /**
   * Default `ignore`: hosts of routes have no port, and match a request with any. `match`: they are
   * compared with the host as the client wrote it, as in Envoy. So `shop.example` does not match
   * `shop.example:8080`, which is another host.
   */
  readonly hostPorts?: HostPorts;
}
