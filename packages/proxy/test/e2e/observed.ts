import { call, Wire } from "./client.ts";
import { certified, tls } from "./certified.ts";
import { configured, type Folder } from "./configured.ts";
import { type Origin, origin, refusing } from "./origin.ts";
import type { Pagoda } from "./program.ts";
import { TokenIssuer } from "./tokens.ts";

/** A proxy with every policy, whose traffic has moved everything that metrics show. */
export interface Observed extends AsyncDisposable {
  readonly pagoda: Pagoda;
  /** Calls, refusals and failures of every kind, once. */
  readonly stir: () => Promise<void>;
}

/** Starts two workers, and makes one of them end and a reload fail. */
export async function observed(): Promise<Observed> {
  const upstream = await origin((request, response) => {
    if (request.url === "/keys") return void response.end(JSON.stringify(issuer.jwks));
    response.statusCode = Number(/\d+/.exec(request.url ?? "")?.[0] ?? 200);
    response.end("yes");
  });
  const folder = certified();
  const pagoda = await configured(folder, everything(upstream), {
    PROXY_WORKERS: "",
    PROXY_METRICS_ADDR: "",
  });
  const [doomed] = await pagoda.workers();
  await pagoda.admin("/metrics");
  process.kill(doomed as number, "SIGKILL");
  await pagoda.log("worker restarted");
  await failReload(folder, pagoda);
  return {
    pagoda,
    stir: () => stir(pagoda),
    async [Symbol.asyncDispose]() {
      await pagoda[Symbol.asyncDispose]();
      await upstream[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

function everything(upstream: Origin): object {
  const limits = {
    concurrencyLimit: 1_000,
    clientConcurrency: { limit: 500 },
    rateLimit: { global: { rate: "1000000/s", burst: 1_000_000 }, perClient: { rate: "100000/s" } },
  };
  const address = "127.0.0.1:0";
  return {
    listeners: [
      {
        name: "edge",
        address,
        policies: { ...limits, bodyLimit: "1KiB", compression: {}, authorize: { rules: [nobody] } },
        routes: [
          route("shop", "shop", {
            timeout: "5s",
            cache: {},
            retry: { on: { statuses: [503] } },
            hedge: {},
            buffer: { capacity: 10 },
            concurrencyLimit: { algorithm: "gradient2" },
            mirror: { cluster: "shop", ratio: "100%" },
            fault: { delay: { ratio: "100%", time: "1ms" } },
          }),
          route("limited", "shop", { rateLimit: { global: { rate: "1/h" } } }),
          route("shared", "shop", { rateLimit: { store: "limits", global: { rate: "100/s" } } }),
          route("signed", "shop", {
            jwt: { issuers: [{ ...signed, jwks: { url: `${upstream.url}/keys` } }] },
          }),
          route("asked", "shop", { extAuthz: { cluster: "shop", path: "/allowed" } }),
          route("lost", "lost", { retry: {} }),
          { name: "direct", match: { path: "/direct" }, respond: { status: 200, body: "yes" } },
        ],
      },
      { name: "secure", address, tls, routes: [route("secure", "shop", {})] },
    ],
    stores: { limits: { redis: [refusing.replace("http:", "redis:")] } },
    clusters: {
      remote: { xds: "remote" },
      shop: {
        endpoints: [upstream.url],
        balance: "peak-ewma",
        slowStart: "1s",
        outliers: { consecutiveFailures: 1_000 },
        check: { type: "tcp" },
        policies: {
          failfast: "3s",
          concurrencyLimit: { algorithm: "vegas" },
          circuitBreaker: { failures: 1_000, minCalls: 1_000_000 },
          timeout: "5s",
        },
      },
      lost: {
        endpoints: [refusing],
        policies: { circuitBreaker: { failures: 1, open: "1h", maxOpen: "1h" } },
      },
    },
    // Nobody listens there.
    control: { xds: { server: refusing, node: { id: "observed" } } },
    admin: { address },
    workers: 2,
  };
}

const issuer = new TokenIssuer();
const signed = { issuer: issuer.name, audiences: ["shop"] };

const nobody = { name: "nobody", effect: "deny", to: { methods: ["DELETE"] } };

function route(name: string, cluster: string, policies: object): object {
  return { name, match: { path: `/${name}` }, cluster, policies };
}

/** The last attempt fails, so that the metrics show it. */
async function failReload(folder: Folder, pagoda: Pagoda): Promise<void> {
  await fetch(`${pagoda.adminUrl}/reload`, { method: "POST" });
  folder.write("pagoda.yaml", "listeners: nonsense");
  await fetch(`${pagoda.adminUrl}/reload`, { method: "POST" });
}

const paths = ["/shop", "/shop/500", "/shop/503", "/limited", "/lost", "/asked", "/direct", "/nowhere"];

async function stir(pagoda: Pagoda): Promise<void> {
  const { urls } = await pagoda.log("listening on");
  const [edge, secure] = urls as [string, string];
  for (const path of paths) for (let at = 0; at < 3; at++) await call(edge + path);
  await call(`${edge}/shop`, { method: "DELETE" });
  // Each worker has keys of its own.
  for (let at = 0; at < 10; at++) await call(`${edge}/signed`, issuer.bearer({ jti: String(at) }));
  for (const url of [edge, secure]) {
    using wire = new Wire(url);
    wire.send("neither HTTP nor TLS\r\n\r\n");
    await wire.closed;
  }
}
