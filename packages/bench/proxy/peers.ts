import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadCore, proxyCore } from "./measure.ts";

/** A program to measure, or the origin behind all of them. */
export interface Peer {
  readonly name: string;
  readonly port: number;
  readonly core: string;
  /** @param folder A temporary folder of its own. */
  readonly command: (folder: string) => readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** One that runs. */
export interface Running {
  readonly name: string;
  readonly pid: number;
  readonly url: string;
  readonly stop: () => void;
}

const originPort = 19_100;
const upstream = `http://127.0.0.1:${originPort}`;
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** 127 bytes from memory, so that the origin is never what is measured. */
export const origin: Peer = {
  name: "origin",
  port: originPort,
  core: loadCore,
  command: (folder) =>
    nginx(
      folder,
      `server { listen 127.0.0.1:${originPort}; location / { return 200 "${"x".repeat(127)}"; } }`,
    ),
};

export const peers: readonly Peer[] = [
  {
    name: "nginx",
    port: 19_101,
    core: proxyCore,
    command: (folder) =>
      nginx(
        folder,
        `upstream origin { server 127.0.0.1:${originPort}; keepalive 128; keepalive_requests 1000000000; }
        server {
          listen 127.0.0.1:19101;
          location / { proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection ""; }
        }`,
      ),
  },
  {
    name: "pagoda",
    port: 19_102,
    core: proxyCore,
    command: () => [process.execPath, here("../../proxy/src/main.ts")],
    env: {
      PROXY_LISTEN_ADDR: "127.0.0.1:19102",
      PROXY_METRICS_ADDR: "127.0.0.1:19112",
      PROXY_UPSTREAM_ADDRS: upstream,
      LOG_LEVEL: "warn",
    },
  },
  {
    name: "node:http + undici",
    port: 19_103,
    core: proxyCore,
    command: () => [process.execPath, here("./sketch.ts"), "19103", upstream],
  },
];

function nginx(folder: string, http: string): readonly string[] {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${folder}/${name};`)
    .join(" ");
  const configuration = `worker_processes 1; daemon off; pid ${folder}/pid; error_log ${folder}/error.log;
    events { worker_connections 1024; }
    http { access_log off; keepalive_requests 1000000000; ${temporary} ${http} }`;
  writeFileSync(join(folder, "nginx.conf"), configuration);
  return ["nginx", "-p", folder, "-c", join(folder, "nginx.conf")];
}

/** Starts a program on its core. It and its temporary folder end with `stop`. */
export async function start({ name, port, core, command, env }: Peer): Promise<Running> {
  const folder = mkdtempSync(join(tmpdir(), "pagoda-bench-"));
  const child = spawn("taskset", ["-c", core, ...command(folder)], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "ignore", "inherit"],
  });
  await new Promise((resolve, reject) => child.once("spawn", () => resolve(undefined)).once("error", reject));
  return {
    name,
    pid: child.pid as number,
    url: `http://127.0.0.1:${port}/`,
    stop() {
      child.kill("SIGTERM");
      child.once("exit", () => rmSync(folder, { recursive: true, force: true }));
    },
  };
}
