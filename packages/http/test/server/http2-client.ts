import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type SecureClientSessionOptions,
} from "node:http2";
import type { HttpServer } from "@pagoda/http/server";
import { onTestFinished } from "vitest";

/** A client session, destroyed when the test finishes. */
export function client(
  server: Pick<HttpServer, "url">,
  options: SecureClientSessionOptions = {},
): ClientHttp2Session {
  const session = connect(server.url, options);
  session.on("error", () => {});
  onTestFinished(() => session.destroy());
  return session;
}

export interface Answered {
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders | undefined;
  readonly body: string;
  /** The error code with which the stream was closed. */
  readonly code: number;
}

export function ask(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  body?: string,
): Promise<Answered> {
  const stream = session.request({ ":path": "/", ...headers }, { endStream: body === undefined });
  if (body !== undefined) stream.end(body);
  return answerTo(stream);
}

export async function answerTo(stream: ClientHttp2Stream): Promise<Answered> {
  let headers: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders | undefined;
  let body = "";
  stream.on("error", () => {});
  stream.on("response", (fields) => (headers = fields));
  stream.on("trailers", (fields) => (trailers = fields));
  stream.on("data", (chunk: Buffer) => (body += chunk.toString("latin1")));
  await new Promise((resolve) => stream.once("close", resolve));
  return { headers, trailers, body, code: stream.rstCode };
}
