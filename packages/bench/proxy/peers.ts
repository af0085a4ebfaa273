import { fileURLToPath } from "node:url";
import { nginxProxy } from "./nginx.ts";
import { pagoda } from "./pagoda.ts";

/** What is there for a peer to use: everything on the loopback address. */
export interface Place {
  /** A temporary folder of its own. */
  readonly folder: string;
  readonly port: number;
  readonly adminPort: number;
  /** `http://127.0.0.1:port`: the same origin on several ports. */
  readonly origins: readonly [string, ...string[]];
}

/** A proxy to measure. */
export interface Peer {
  /** As it is called on the command line. */
  readonly name: string;
  /** As the table calls it. */
  readonly label: string;
  readonly command: (place: Place) => readonly string[];
  readonly env?: (place: Place) => Readonly<Record<string, string>>;
  /** Answers 200 once the proxy can take requests. Without it the proxy itself is asked. */
  readonly readyUrl?: (place: Place) => string;
  /** The path of the requests. Default: `/`. */
  readonly path?: string;
}

const repository = fileURLToPath(new URL("../../..", import.meta.url));
const script = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** The first is what the others are compared with. */
export const peers: readonly Peer[] = [
  {
    name: "nginx",
    label: "nginx",
    command: ({ folder, port, origins: [origin] }) => nginxProxy(folder, port, origin),
  },
  pagoda(repository, "plain", { name: "pagoda", label: "pagoda, default stack" }),
  pagoda(repository, "mesh", { name: "mesh", label: "pagoda, mesh" }),
  {
    name: "sketch",
    label: "sketch: `node:http` + undici `dispatch`",
    command: ({ port, origins: [origin] }) => [process.execPath, script("./sketch.ts"), String(port), origin],
  },
  {
    name: "copy",
    label: "socket copy: Node, no HTTP",
    command: ({ port, origins: [origin] }) => [process.execPath, script("./copy.ts"), String(port), origin],
  },
];
