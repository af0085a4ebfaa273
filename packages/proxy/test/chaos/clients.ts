import { Agent, request } from "node:http";
import { type ClientHttp2Session, connect } from "node:http2";
import type { Chance } from "./chance.ts";
import { contentOf, isContentOf } from "./content.ts";
import type { Ledger, Outcome } from "./ledger.ts";

/** What all clients share. */
export interface Setting {
  readonly url: string;
  readonly ledger: Ledger;
  readonly chance: Chance;
  /** Whether to continue. */
  readonly goesOn: () => boolean;
}

let lastId = 0;

/** Calls over HTTP/1.1, one after the other: half of them GET, half POST with a body. */
export async function http1Client(setting: Setting): Promise<void> {
  const { url, ledger, chance, goesOn } = setting;
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  while (goesOn()) {
    const id = String(++lastId);
    const verb = chance.pick(["get", "post"] as const);
    const length = chance.pick([10, 1_001, 40_000, 200_001]);
    const path = `/${verb}/${id}/${length}`;
    const call = ledger.begin(id, path, verb === "get");
    const leaves = chance.between(1, 20) === 1;
    ledger.end(call, await http1Call(agent, url, path, id, verb, length, leaves));
  }
  agent.destroy();
}

function http1Call(
  agent: Agent,
  url: string,
  path: string,
  id: string,
  verb: "get" | "post",
  length: number,
  leaves: boolean,
): Promise<Outcome> {
  return new Promise((resolve) => {
    const out = request(url + path, { agent, method: verb.toUpperCase() });
    const lost = (error: NodeJS.ErrnoException): void => {
      const { bytesWritten, localPort } = out.socket ?? {};
      const connection = `${out.reusedSocket ? "kept" : "new"} connection from port ${localPort}, ${bytesWritten} bytes written`;
      resolve({ kind: "lost", why: `${error.code ?? error.message}, ${connection}` });
    };
    out.on("error", lost);
    out.once("response", (response) => {
      const chunks: Buffer[] = [];
      const broken = (): void => resolve({ kind: "broken" });
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", broken);
      response.on("close", broken);
      response.on("end", () => {
        if (!response.complete) return broken();
        resolve(answered(response.statusCode ?? 0, id, Buffer.concat(chunks), verb === "get" ? length : 64));
      });
      if (leaves) {
        resolve({ kind: "left" });
        out.destroy();
      }
    });
    out.end(verb === "post" ? contentOf(id, length) : undefined);
  });
}

function answered(status: number, id: string, body: Buffer, length: number): Outcome {
  // Responses of the proxy itself do not have the origin's content.
  return { kind: "answered", status, right: status !== 200 || isContentOf(id, body, length) };
}

/** Uploads over HTTP/2, several at a time on one connection, which is replaced when it is gone. */
export async function http2Uploader(setting: Setting, streams: number): Promise<void> {
  let session: ClientHttp2Session | undefined;
  const connected = (): ClientHttp2Session => {
    if (session !== undefined && !session.closed && !session.destroyed) return session;
    session = connect(setting.url);
    session.on("error", () => {});
    return session;
  };
  await Promise.all(Array.from({ length: streams }, () => uploads(setting, connected)));
  session?.close();
}

async function uploads(
  { ledger, chance, goesOn }: Setting,
  connected: () => ClientHttp2Session,
): Promise<void> {
  while (goesOn()) {
    const id = String(++lastId);
    const length = chance.pick([0, 5_000, 100_000, 400_000]);
    const path = `/post/${id}/${length}`;
    const call = ledger.begin(id, path, false);
    ledger.end(call, await upload(connected(), path, id, length));
  }
}

function upload(session: ClientHttp2Session, path: string, id: string, length: number): Promise<Outcome> {
  return new Promise((resolve) => {
    const stream = session.request({ ":method": "POST", ":path": path });
    let status: number | undefined;
    let why = "closed";
    let ended = false;
    const chunks: Buffer[] = [];
    stream.once("response", (headers) => (status = headers[":status"]));
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.once("end", () => (ended = true));
    stream.on("error", (error: NodeJS.ErrnoException) => (why = error.code ?? error.message));
    stream.once("close", () => {
      if (status === undefined) resolve({ kind: "lost", why });
      else if (!ended || stream.rstCode !== 0) resolve({ kind: "broken" });
      else resolve(answered(status, id, Buffer.concat(chunks), 64));
    });
    const body = contentOf(id, length);
    for (let at = 0; at < length; at += 16_384) stream.write(body.subarray(at, at + 16_384));
    stream.end();
  });
}
