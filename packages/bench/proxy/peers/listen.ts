import { readFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Place } from "./peer.ts";

/** Serves HTTP/1.1, over TLS if clients are to have it, until SIGTERM. */
export function listen({ front, port, certificate }: Place, onRequest: RequestListener): void {
  const options = { keepAliveTimeout: 3_600_000 };
  const server =
    front === "tls"
      ? createTlsServer(
          { ...options, cert: readFileSync(certificate.certificate), key: readFileSync(certificate.key) },
          onRequest,
        )
      : createServer(options, onRequest);
  server.listen({ host: "127.0.0.1", port, backlog: 1_024 });
  // A profile is written at an orderly end only.
  process.once("SIGTERM", () => process.exit(0));
}
