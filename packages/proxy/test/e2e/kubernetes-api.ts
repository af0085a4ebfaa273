import { EventEmitter, once } from "node:events";
import { createServer } from "node:https";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Folder } from "./configured.ts";
import { shop } from "./certified.ts";
import { listen, type Origin } from "./origin.ts";

/** An API server that has only the EndpointSlices of a namespace. */
export interface KubernetesApi extends AsyncDisposable {
  /** The settings of `kubernetes` that reach it, with files in a folder. */
  readonly reach: object;
  /** How many watches are open. */
  readonly watches: number;
  /** Settles when this holds, after the next request or the end of one. */
  until(holds: (open: { readonly watches: number; readonly held: number }) => boolean): Promise<void>;
  /** Sets the endpoints of `shop`; watches see the change. */
  set(...origins: readonly Origin[]): void;
  /** Refuses requests with this status from now on, and ends all watches; 200: answers again. */
  refuse(status: number): void;
  /** Keeps requests waiting until it is called with false. */
  hold(isHeld: boolean): void;
}

export async function kubernetesApi(folder: Folder): Promise<KubernetesApi> {
  const watches = new Set<ServerResponse>();
  const held: (() => void)[] = [];
  const seen = new EventEmitter();
  let [version, status, isHeld] = [1, 200, false];
  let endpoints: readonly number[] = [];

  /** Each endpoint has a port of its own, so each is in a slice of its own. */
  const slice = (port: number): object => ({
    metadata: { name: `shop-${port}`, resourceVersion: String(version) },
    addressType: "IPv4",
    ports: [{ name: "http", port, protocol: "TCP" }],
    endpoints: [{ addresses: ["127.0.0.1"], conditions: { ready: true }, zone: "a" }],
  });
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const { pathname, searchParams } = new URL(request.url ?? "", "https://api");
    const isKnown = pathname === "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";
    const code = !isKnown ? 404 : request.headers.authorization === "Bearer secret" ? status : 401;
    response.writeHead(code, { "content-type": "application/json" });
    if (code !== 200) return void response.end(JSON.stringify({ kind: "Status", code, message: "not now" }));
    if (searchParams.get("watch") === "1") {
      watches.add(response);
      seen.emit("change");
      response.once("close", () => {
        watches.delete(response);
        seen.emit("change");
      });
      return response.flushHeaders();
    }
    const items = searchParams.get("labelSelector") === "kubernetes.io/service-name=shop" ? endpoints : [];
    const metadata = { resourceVersion: String(version) };
    response.end(JSON.stringify({ metadata, items: items.map(slice) }));
  };
  const server = createServer({ cert: shop.certificate, key: shop.key }, (request, response) => {
    if (isHeld) held.push(() => answer(request, response));
    else answer(request, response);
    seen.emit("change");
  });
  const { url, [Symbol.asyncDispose]: dispose } = await listen(server, 0, "https");
  folder.write("token", "secret\n");
  return {
    reach: { server: url, tokenFile: "token", ca: "ca.pem" },
    get watches() {
      return watches.size;
    },
    async until(holds) {
      while (!holds({ watches: watches.size, held: held.length })) await once(seen, "change");
    },
    set(...origins) {
      const ports = origins.map(({ port }) => port);
      const tell = (type: string, port: number): void => {
        version++;
        for (const watch of watches) watch.write(`${JSON.stringify({ type, object: slice(port) })}\n`);
      };
      for (const port of ports) if (!endpoints.includes(port)) tell("ADDED", port);
      for (const port of endpoints) if (!ports.includes(port)) tell("DELETED", port);
      endpoints = ports;
    },
    refuse(next) {
      status = next;
      if (status !== 200) for (const watch of watches) watch.destroy();
    },
    hold(next) {
      isHeld = next;
      if (!isHeld) for (const run of held.splice(0)) run();
    },
    [Symbol.asyncDispose]: dispose,
  };
}
