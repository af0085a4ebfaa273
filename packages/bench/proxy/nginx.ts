import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** What the origin answers. */
export const originBody = "x".repeat(127);

/** Answers from memory, so that the origin is never what is measured. */
export function nginxOrigin(folder: string, ports: readonly number[]): readonly string[] {
  return nginx(
    folder,
    `server {
      ${ports.map((port) => `listen 127.0.0.1:${port} backlog=1024;`).join("\n      ")}
      location / { default_type text/plain; return 200 "${originBody}"; }
    }`,
  );
}

/** nginx as a proxy that keeps its connections to the origin. */
export function nginxProxy(folder: string, port: number, origin: string): readonly string[] {
  return nginx(
    folder,
    `upstream origin { server ${new URL(origin).host}; keepalive 128; keepalive_requests 1000000000; }
    server {
      listen 127.0.0.1:${port} backlog=1024;
      location / { proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection ""; }
    }`,
  );
}

/** The command for an nginx with one worker that stays in the foreground and keeps to its folder. */
function nginx(folder: string, http: string): readonly string[] {
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
    events { worker_connections 1024; }
    http {
      access_log off;
      # A connection that ends after so many requests or seconds would be an error in the middle of a round.
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
