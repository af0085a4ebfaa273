import { connect } from "node:net";
import { right, service } from "@pagoda/core";
import { type HttpRequest, httpResponse, text } from "@pagoda/http";
import { type HttpServer, serve } from "@pagoda/http/server";
import {
  converse,
  type FieldPairs,
  fieldsFrame,
  frame,
  frameType,
  type RawFrame,
} from "@pagoda/http/testing";
import { beforeAll, onTestFinished } from "vitest";

/** How a server answers: with a GOAWAY, resets, and responses, each by stream. */
export interface Outcome {
  readonly goaway?: number;
  readonly resets?: Readonly<Record<number, number>>;
  readonly statuses?: Readonly<Record<number, string>>;
  readonly bodies?: Readonly<Record<number, string>>;
}

/** Frames that a client sends, and how the server answers. */
export type Case = readonly [section: string, what: string, frames: readonly Uint8Array[], expected: Outcome];

let server: HttpServer;

/** Serves HTTP/2 only: `/never` does not answer, and `/echo` answers with the body. */
export function serving(): void {
  beforeAll(async () => {
    const stack = service("test", async ({ path, body }: HttpRequest) => {
      if (path === "/never") return new Promise<never>(() => {});
      if (path === "/none") return right(httpResponse(204));
      if (path !== "/echo") return right(text("yes"));
      const whole = await body.text();
      return right(text(whole._tag === "Right" ? whole.right : "broken"));
    });
    const served = await serve(stack, { protocols: ["http2"] });
    if (served._tag === "Left") throw served.left.cause;
    server = served.right;
    return () => server.close();
  });
}

/** Sends frames on a new connection and returns how the server answers. */
export async function outcome(
  frames: readonly Uint8Array[],
  opening?: readonly Uint8Array[],
): Promise<Outcome> {
  const socket = connect(server.port, server.host);
  onTestFinished(() => void socket.destroy());
  return outcomeOf((await converse(socket, frames, opening)).frames);
}

function outcomeOf(frames: readonly RawFrame[]): Outcome {
  const resets: Record<number, number> = {};
  const statuses: Record<number, string> = {};
  const bodies: Record<number, string> = {};
  let code: number | undefined;
  for (const { type, stream, payload } of frames) {
    if (type === frameType.goaway) code = payload.readUInt32BE(4);
    else if (type === frameType.reset) resets[stream] = payload.readUInt32BE(0);
    else if (type === frameType.data) bodies[stream] = (bodies[stream] ?? "") + payload.toString("latin1");
    else if (type === frameType.headers) statuses[stream] = statusOf(payload);
  }
  return {
    ...(code !== undefined && { goaway: code }),
    ...(Object.keys(resets).length > 0 && { resets }),
    ...(Object.keys(statuses).length > 0 && { statuses }),
    ...(Object.keys(bodies).length > 0 && { bodies }),
  };
}

/** Status of a header block that begins with it. */
function statusOf(block: Buffer): string {
  const indexed = { 0x88: "200", 0x89: "204", 0x8c: "400" }[block[0] as number];
  return indexed ?? block.subarray(2, 5).toString("latin1");
}

/** Pseudo-header fields of a request. */
export const head = (path: string, method = "GET"): FieldPairs => [
  [":method", method],
  [":scheme", "http"],
  [":path", path],
  [":authority", "a"],
];
export const get = (stream: number, path = "/"): Buffer => fieldsFrame(stream, head(path), true);
export const post = (stream: number, path = "/echo", ...fields: FieldPairs): Buffer =>
  fieldsFrame(stream, [...head(path, "POST"), ...fields], false);
/** The header block of a request. */
export const block = (path = "/", method = "GET"): Buffer =>
  fieldsFrame(1, head(path, method), true).subarray(9);
export const headers = (flags: number, stream: number, payload: Uint8Array): Buffer =>
  frame(frameType.headers, flags, stream, payload);
export const continuation = (flags: number, stream: number, payload: Uint8Array): Buffer =>
  frame(frameType.continuation, flags, stream, payload);
export const data = (flags: number, stream: number, payload: Uint8Array): Buffer =>
  frame(frameType.data, flags, stream, payload);

export const never: Buffer = get(1, "/never");
