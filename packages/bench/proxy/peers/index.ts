import { fileURLToPath } from "node:url";
import { caddy } from "./caddy.ts";
import { envoy, envoyMesh } from "./envoy.ts";
import { haproxy } from "./haproxy.ts";
import { nghttpx } from "./nghttpx.ts";
import { nginx } from "./nginx.ts";
import { floors, nodePeers } from "./node.ts";
import { pagoda, pagodaWithout, parts } from "./pagoda.ts";
import type { Peer } from "./peer.ts";
import { traefik } from "./traefik.ts";

const repository = fileURLToPath(new URL("../../../..", import.meta.url));

/** The first is what the others are compared with. */
export const peers: readonly Peer[] = [
  nginx,
  haproxy,
  nghttpx,
  pagoda(repository, "plain", { name: "pagoda", label: "pagoda, default stack" }),
  pagoda(repository, "mesh", { name: "pagoda-mesh", label: "pagoda, mesh" }),
  envoy,
  envoyMesh,
  traefik,
  caddy,
  ...nodePeers,
  ...floors,
];

/** Measured only when named. */
export const furtherPeers: readonly Peer[] = parts.map((part) => pagodaWithout(repository, part));
