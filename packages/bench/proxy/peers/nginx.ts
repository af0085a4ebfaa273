import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Peer, type Place, Unsupported } from "./peer.ts";
import { debian } from "./programs.ts";

/** nginx as a proxy that keeps its connections to the origin. */
export const nginx: Peer = {
  name: "nginx",
  label: "nginx",
  version: () => debian("nginx", "nginx-light", ["-v"]),
  command: (place) => nginxCommand(place.folder, proxyConfiguration(place)),
};

export function proxyConfiguration(place: Place): string {
  if (place.back === "http2" && !place.isGrpc) throw new Unsupported("no HTTP/2 to origins, except for gRPC");
  const listen = { http1: "", tls: " ssl", http2: " http2" }[place.front];
  const tls =
    place.front === "tls"
      ? `ssl_certificate ${place.certificate.certificate}; ssl_certificate_key ${place.certificate.key};`
      : "";
  // In memory: a response or a body that does not fit into the default buffers would go through a file.
  const pass = place.isGrpc
    ? "grpc_pass grpc://origin;"
    : `proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection "";
        proxy_max_temp_file_size 0; client_body_buffer_size 64k;`;
  return `upstream origin { server ${place.origins[0]}; keepalive 1024; keepalive_requests 1000000000; }
    server {
      listen 127.0.0.1:${place.port}${listen} backlog=1024;
      ${tls}
      location / { ${pass} }
    }`;
}

/**
 * Writes the configuration of an nginx with one worker that stays in the foreground and keeps to its folder.
 *
 * @param http The contents of the `http` block.
 * @returns Its command.
 */
export function nginxCommand(folder: string, http: string): readonly string[] {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${folder}/${name};`)
    .join(" ");
  const file = join(folder, "nginx.conf");
  writeFileSync(
    file,
    `worker_processes 1;
    daemon off;
    pid ${folder}/pid;
    error_log stderr;
    events { worker_connections 16384; }
    http {
      access_log off;
      # A connection that ends after a number of requests or seconds would be an error in the middle of a round.
      keepalive_requests 1000000000;
      keepalive_timeout 3600s;
      ${temporary}
      ${http}
    }
    `,
  );
  // Without -e, nginx first tries the log file that was compiled in, and complains when that is not its own.
  return ["nginx", "-e", "stderr", "-p", folder, "-c", file];
}
