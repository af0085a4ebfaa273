import { createHash } from "node:crypto";
import { createServer as createHttpServer, type IncomingMessage } from "node:http";
import {
  createServer as createHttp2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import type { Duplex } from "node:stream";
import type { HttpRequest, HttpResponse } from "@pagoda/http";
import type { Transport, TransportOptions } from "@pagoda/transport";
import { onTestFinished } from "vitest";
import { FedBody } from "@pagoda/http/testing";
import { client, listen, request, responseOf } from "./origin.ts";

export type Protocol = "http1" | "http2";

/** A request to an origin, and the origin's side of the connection. */
export class Asked {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly wire: Duplex;
  readonly closed: Promise<void>;
  /** Received bytes as latin1. */
  text = "";
  ended = false;
  readonly #open: (fields: Readonly<Record<string, string>>) => void;
  #look = (): void => {};

  constructor(
    fields: Readonly<Record<string, unknown>>,
    wire: Duplex,
    open: (fields: Readonly<Record<string, string>>) => void,
  ) {
    // Without symbols added by Node.
    this.fields = Object.fromEntries(Object.entries(fields));
    this.wire = wire;
    this.#open = open;
    wire.on("error", () => {});
    this.closed = new Promise((resolve) => wire.on("close", () => resolve()));
  }

  /** Opens the tunnel and reads. */
  open(fields: Readonly<Record<string, string>> = {}): this {
    this.#open(fields);
    this.wire.on("data", (piece: Buffer) => {
      this.text += piece.toString("latin1");
      this.#look();
    });
    this.wire.on("end", () => {
      this.ended = true;
      this.#look();
    });
    return this;
  }

  until(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#look = () => holds() && resolve();
      this.#look();
    });
  }
}

/** An origin whose tunnels the test controls. */
export async function tunnelOrigin(protocol: Protocol, options: { key?: string; cert?: string } = {}) {
  const asked: Asked[] = [];
  const waiting: ((one: Asked) => void)[] = [];
  const come = (one: Asked): void => {
    const wanted = waiting.shift();
    if (wanted === undefined) asked.push(one);
    else wanted(one);
  };
  const next = (): Promise<Asked> => {
    const one = asked.shift();
    return one === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(one);
  };
  const url = protocol === "http1" ? await listen1(come, options) : await listen2(come);
  return { url, next, pending: asked };
}

async function listen1(come: (one: Asked) => void, { key, cert }: { key?: string; cert?: string }) {
  const server =
    key === undefined ? createHttpServer() : createHttpsServer({ key, cert, allowHalfOpen: true });
  const wires = new Set<Duplex>();
  server.on("upgrade", (message: IncomingMessage, wire: Duplex, head: Buffer) => {
    wires.add(wire);
    wire.unshift(head);
    const { method, url: path, headers } = message;
    const open = (fields: Readonly<Record<string, string>>): void =>
      say(wire, "101 Switching Protocols", {
        connection: "upgrade",
        upgrade: `${headers.upgrade}`,
        "sec-websocket-accept": answerTo(`${headers["sec-websocket-key"]}`),
        ...fields,
      });
    come(new Asked({ method, path, ...headers }, wire, open));
  });
  server.on("connect", (message: IncomingMessage, wire: Duplex, head: Buffer) => {
    wires.add(wire);
    wire.unshift(head);
    const { method, url: path, headers } = message;
    come(new Asked({ method, path, ...headers }, wire, (fields) => say(wire, "200 OK", fields)));
  });
  const cut = (): void => wires.forEach((wire) => wire.destroy());
  return listen(server, cut, key === undefined ? "http" : "https");
}

/** RFC 6455, section 4.2.2. */
export function answerTo(key: string): string {
  return createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
}

function say(wire: Duplex, status: string, fields: Readonly<Record<string, string>>): void {
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  wire.write(`HTTP/1.1 ${status}\r\n${lines.join("")}\r\n`);
}

async function listen2(come: (one: Asked) => void) {
  const server = createHttp2Server({ settings: { enableConnectProtocol: true } });
  const sessions = new Set<ServerHttp2Session>();
  server.on("session", (session) => sessions.add(session));
  server.on("stream", (stream: ServerHttp2Stream, headers) => {
    come(new Asked({ ...headers }, stream, (fields) => stream.respond({ ":status": 200, ...fields })));
  });
  return listen(server, () => sessions.forEach((session) => session.destroy()));
}

/** An upgrade request with a body fed by the test. */
export function upgrading(said: FedBody, more: Partial<HttpRequest> = {}): HttpRequest {
  return { ...request("GET", "/chat?room=1"), body: said, upgrade: "websocket", ...more };
}

export function connecting(said: FedBody, more: Partial<HttpRequest> = {}): HttpRequest {
  return { ...request("CONNECT"), path: "", authority: "db.test:5432", body: said, ...more };
}

/** Data received through a tunnel. */
export class Heard {
  text = "";
  how: "open" | "ended" | "broken" = "open";
  cause: unknown;
  readonly cancel: () => void;
  #look = (): void => {};

  constructor({ body }: HttpResponse) {
    const flow = body.pipe({
      write: (piece) => {
        this.text += Buffer.from(piece).toString("latin1");
        this.#look();
        return true;
      },
      end: () => {
        this.how = "ended";
        this.#look();
      },
      fail: (fault) => {
        this.how = "broken";
        this.cause = fault.cause;
        this.#look();
      },
    });
    this.cancel = () => flow.cancel();
  }

  until(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#look = () => holds() && resolve();
      this.#look();
    });
  }
}

/** An open tunnel, by upgrade or CONNECT. */
export async function tunnel(
  protocol: Protocol,
  options: TransportOptions = {},
  ask: typeof upgrading = upgrading,
) {
  const origin = await tunnelOrigin(protocol);
  const transport: Transport = client(origin.url, { ...options, protocol });
  const said = new FedBody();
  const result = transport.call(ask(said));
  const there = (await origin.next()).open();
  const response = await responseOf(result);
  const heard = new Heard(response);
  onTestFinished(() => heard.cancel());
  return { origin, transport, said, there, response, heard };
}
