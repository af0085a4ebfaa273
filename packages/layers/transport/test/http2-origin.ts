import { createServer, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import { settled } from "@pagoda/core/testing";
import type { Transport, TransportOptions } from "@pagoda/transport";
import { client, listen } from "./origin.ts";

export type Answer = (stream: ServerHttp2Stream, fields: readonly string[]) => void;

/** An h2c origin, with its sessions and requests. */
export async function http2Origin(answer: Answer, settings: { readonly maxConcurrentStreams?: number } = {}) {
  const sessions: ServerHttp2Session[] = [];
  const codes: number[] = [];
  const sockets: Socket[] = [];
  const server = createServer({ settings });
  server.on("connection", (socket: Socket) => sockets.push(socket));
  server.on("session", (session) => sessions.push(session));
  server.on("stream", (stream: ServerHttp2Stream, _headers, _flags, fields: readonly string[]) => {
    stream.on("error", () => {});
    stream.on("close", () => codes.push(stream.rstCode));
    answer(stream, fields);
  });
  const url = await listen(server, () => sessions.forEach((session) => session.destroy()));
  return { url, sessions, sockets, codes };
}

export function http2(url: string, options: TransportOptions = {}): Transport {
  return client(url, { ...options, protocol: "http2" });
}

export const hello: Answer = (stream) => {
  stream.respond({ ":status": 200, "x-one": "1" });
  stream.end("hello");
};
export const echo: Answer = (stream) => {
  stream.respond({ ":status": 200 });
  stream.pipe(stream as NodeJS.WritableStream);
};

export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await settled();
}
