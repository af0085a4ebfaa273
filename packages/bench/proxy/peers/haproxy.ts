import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Peer, Place } from "./peer.ts";
import { debian } from "./programs.ts";

export const haproxy: Peer = {
  name: "haproxy",
  label: "haproxy",
  version: () => debian("haproxy", "haproxy", ["-v"]),
  command: (place) => {
    const file = join(place.folder, "haproxy.cfg");
    writeFileSync(file, haproxyConfiguration(place));
    return ["haproxy", "-q", "-db", "-f", file];
  },
};

export function haproxyConfiguration({ front, back, port, origins, certificate }: Place): string {
  const bind = { http1: "", tls: ` ssl crt ${certificate.combined} alpn http/1.1`, http2: " proto h2" }[
    front
  ];
  return `global
  nbthread 1
  maxconn 8000
defaults
  mode http
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  timeout http-keep-alive 1h
frontend clients
  bind 127.0.0.1:${port}${bind}
  default_backend origin
backend origin
  http-reuse always
  server origin ${origins[0]}${back === "http2" ? " proto h2" : ""}
`;
}
