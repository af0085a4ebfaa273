// An origin in its own process, so that it can be stopped and killed: `origin-program.ts KIND PORT
// RECORDS`. It records each request before anything else, so that the records survive its death.
import { openSync, writeSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import {
  createServer as createHttp2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from "node:http2";
import { contentOf, isContentOf } from "./content.ts";
import type { Mood } from "./origins.ts";

type Incoming = IncomingMessage | Http2ServerRequest;
type Outgoing = ServerResponse | Http2ServerResponse;

const [kind, port, records] = process.argv.slice(2) as [string, string, string];
const file = openSync(records, "a");
let mood: Mood = "well";

function record(line: string): void {
  writeSync(file, `${line}\n`);
}

function handle(incoming: Incoming, outgoing: Outgoing): void {
  // `/get/ID/LENGTH` or `/post/ID/LENGTH`
  const [, verb, id = "", length = "0"] = (incoming.url ?? "").split("/");
  const bytes = Number(length);
  record(`begun ${id}`);
  incoming.on("error", () => {});
  outgoing.on("error", () => {});
  if (mood === "reset") return void incoming.socket.destroy();
  if (mood === "failing") return void refuse(outgoing, 500);
  if (mood === "early" && verb === "post") {
    refuse(outgoing, 413);
    outgoing.once("finish", () => kind === "http1" && incoming.socket.destroySoon());
    return;
  }
  if (verb === "get") {
    incoming.resume();
    return answer(incoming, outgoing, contentOf(id, bytes));
  }
  const chunks: Buffer[] = [];
  incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
  incoming.on("end", () => {
    // Node also ends an HTTP/2 stream that was cut off, and reports the abort separately.
    if (incoming.aborted) return;
    if (!isContentOf(id, Buffer.concat(chunks), bytes)) return record(`mangled ${id}`);
    record(`whole ${id}`);
    answer(incoming, outgoing, contentOf(id, 64));
  });
}

function refuse(outgoing: Outgoing, status: number): void {
  outgoing.statusCode = status;
  outgoing.setHeader("content-length", 0);
  (outgoing as ServerResponse).end();
}

function answer(incoming: Incoming, outgoing: Outgoing, body: Buffer): void {
  const out = outgoing as ServerResponse;
  const half = body.subarray(0, body.length >> 1);
  // Half of the responses have a length, the others are chunked.
  if (body.length % 2 === 0) out.setHeader("content-length", body.length);
  if (mood !== "half") return void out.end(body);
  // Node ends a destroyed stream properly first, which would make half a body look complete.
  out.write(half, () => incoming.socket.destroy());
}

const server =
  kind === "http2"
    ? createHttp2Server(handle)
    : createServer({ keepAliveTimeout: 60_000, requestTimeout: 0 }, handle);
process.on("message", (next: Mood) => {
  mood = next;
  process.send?.("changed");
});
process.on("disconnect", () => process.exit());
server.listen(Number(port), "127.0.0.1", () => process.send?.("listening"));
