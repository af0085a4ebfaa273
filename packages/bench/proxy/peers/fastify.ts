// A proxy made with @fastify/http-proxy.
import { readFileSync } from "node:fs";
import proxy from "@fastify/http-proxy";
import Fastify, { type FastifyInstance } from "fastify";
import { readPlace } from "./place.ts";

const { front, back, port, origins, certificate } = readPlace();
const tls = { key: readFileSync(certificate.key), cert: readFileSync(certificate.certificate) };
const options = { keepAliveTimeout: 3_600_000, ...(front === "tls" && { https: tls }) };
// Its types tell servers of HTTP/1.1 and HTTP/2 apart, and nothing here does.
const server = (front === "http2" ? Fastify({ http2: true }) : Fastify(options)) as FastifyInstance;

await server.register(proxy, {
  upstream: `http://${origins[0]}`,
  ...(back === "http2" ? { http2: true } : { undici: { connections: 1_024 } }),
});
await server.listen({ host: "127.0.0.1", port, backlog: 1_024 });

// A profile is written at an orderly end only.
process.once("SIGTERM", () => process.exit(0));
