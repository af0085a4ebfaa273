import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { nginxCommand } from "./peers/nginx.ts";
import { type Certificate, meshPrefix } from "./peers/peer.ts";
import { grpcMessage, paths, smallBytes } from "./workloads.ts";

const messagePath = "/message";

/** Ports of the origin, by protocol. */
export interface OriginPorts {
  readonly http1: readonly number[];
  readonly http2: readonly number[];
}

/**
 * The origin of all workloads: an nginx that answers small requests from memory and others from files that stay open, so
 * that the origin is never what is measured.
 *
 * @returns Its command.
 */
export function origin(folder: string, ports: OriginPorts): readonly string[] {
  const listen = [
    ...ports.http1.map((port) => `listen 127.0.0.1:${port} backlog=1024;`),
    ...ports.http2.map((port) => `listen 127.0.0.1:${port} http2 backlog=1024;`),
  ];
  const files: readonly (readonly [string, Buffer])[] = [
    [paths.medium, Buffer.alloc(16 * 1_024, "x")],
    [paths.large, Buffer.alloc(1_024 ** 2, "x")],
  ];
  write(join(folder, messagePath), grpcMessage(22));
  const locations = ["", meshPrefix].flatMap((prefix) => {
    for (const [path, bytes] of files) write(join(folder, prefix, path), bytes);
    const grpc = `${prefix}${paths.grpc}`;
    write(join(folder, grpc), grpcMessage(22));
    const fromFiles = files.map(
      ([path]) => `location = ${prefix}${path} { root ${folder}; default_type text/plain; }`,
    );
    // A file is not for POST: the second attempt is a GET. Without the mirror the response would not wait for the
    // request's body, and its stream would be reset.
    return fromFiles.concat(
      `location = ${grpc} { root ${folder}; mirror /discard; error_page 405 =200 ${messagePath}; }`,
    );
  });
  return nginxCommand(
    folder,
    `open_file_cache max=16; open_file_cache_valid 1h; sendfile on; tcp_nopush on;
    server {
      ${listen.join("\n      ")}
      location / { default_type text/plain; return 200 "${"x".repeat(smallBytes)}"; }
      location = ${messagePath} {
        root ${folder}; default_type application/grpc; add_trailer grpc-status 0;
      }
      location = /discard { internal; return 204; }
      ${locations.join("\n      ")}
    }`,
  );
}

/** A self-signed certificate. */
export function certificate(folder: string): Certificate {
  const files = { certificate: "certificate.pem", key: "key.pem", combined: "combined.pem" };
  const at = (name: keyof typeof files): string => join(folder, files[name]);
  const made = { certificate: at("certificate"), key: at("key"), combined: at("combined") };
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  execFileSync(
    "openssl",
    ["req", "-x509", ...curve, ...subject, "-days", "30", "-keyout", made.key, "-out", made.certificate],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  writeFileSync(made.combined, execFileSync("cat", [made.certificate, made.key]));
  return made;
}

function write(file: string, bytes: Buffer): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, bytes);
}
