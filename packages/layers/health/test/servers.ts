import { createServer as createHttpServer, type RequestListener } from "node:http";
import {
  createServer as createHttp2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { type Endpoint, isLeft } from "@pagoda/core";
import type { Probe, ProbeResult } from "@pagoda/health";
import { onTestFinished } from "vitest";

export const endpoint: Endpoint = { key: "a" };

/** Listens on a free port until the test ends, and returns the port. */
export async function listening(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket.on("error", () => {}).on("close", () => sockets.delete(socket)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}

/** A port on which nothing listens. */
export async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export function tcpServer(onSocket: (socket: Socket) => void): Promise<number> {
  return listening(createServer(onSocket));
}

export function httpServer(answer: RequestListener): Promise<number> {
  return listening(createHttpServer(answer));
}

/** An HTTP/2 server whose streams the test handles. */
export async function http2Server(
  onStream: (stream: ServerHttp2Stream) => void,
  onSession: (session: ServerHttp2Session) => void = () => {},
): Promise<number> {
  const server = createHttp2Server();
  server.on("session", (session) => {
    session.on("error", () => {});
    onSession(session);
  });
  server.on("stream", (stream: ServerHttp2Stream) => {
    stream.on("error", () => {});
    onStream(stream);
  });
  server.on("sessionError", () => {});
  return listening(server);
}

/** A probe's result as text: `well`, or the reason, prefixed with `local:` for a local failure. */
export async function said(
  probe: Probe,
  signal: AbortSignal = new AbortController().signal,
): Promise<string> {
  const result: ProbeResult = await probe(endpoint, signal);
  if (!isLeft(result)) return "well";
  const { origin, reason } = result.left;
  return origin === "local" ? `local: ${reason}` : reason;
}
