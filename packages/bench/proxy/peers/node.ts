import { fileURLToPath } from "node:url";
import { type Peer, Unsupported } from "./peer.ts";
import { npmVersion } from "./programs.ts";

/** Proxies of other libraries for Node, each a small program. */
export const nodePeers: readonly Peer[] = [
  library("http-proxy-3", "http-proxy-3", "http-proxy-3", { tls: true }),
  library("fastify", "@fastify/http-proxy", "@fastify/http-proxy", {
    tls: true,
    http2: true,
    http2Back: true,
  }),
  library("httpxy", "httpxy", "httpxy", { tls: true }),
];

/** Lower bounds, which check and count nothing. */
export const floors: readonly Peer[] = [
  program("sketch", "sketch: `node:http` + undici `dispatch`", () => npmVersion("undici"), {}),
  program("no-layers", "pagoda's server and client, no layers", () => process.versions.node, {
    http2: true,
    http2Back: true,
  }),
  program("no-layers-undici", "pagoda's server and `@pagoda/undici`, no layers", () => npmVersion("undici"), {
    http2: true,
  }),
  program("copy", "socket copy: Node, no HTTP", () => process.versions.node, {}),
];

interface Abilities {
  readonly tls?: true;
  readonly http2?: true;
  readonly http2Back?: true;
}

function library(name: string, label: string, packageName: string, abilities: Abilities): Peer {
  return program(name, label, () => npmVersion(packageName), abilities);
}

/** A file in this folder with the name of the peer. Its only argument is its place as JSON. */
function program(name: string, label: string, version: () => string, can: Abilities): Peer {
  return {
    name,
    label,
    version,
    command: (place) => {
      if (place.front === "tls" && can.tls === undefined) throw new Unsupported("no TLS");
      if (place.front === "http2" && can.http2 === undefined) throw new Unsupported("no HTTP/2 with clients");
      if (place.back === "http2" && can.http2Back === undefined) {
        throw new Unsupported("no HTTP/2 to origins");
      }
      return [process.execPath, fileURLToPath(new URL(`${name}.ts`, import.meta.url)), JSON.stringify(place)];
    },
  };
}
