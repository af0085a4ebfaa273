import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Connection, Listener, Request, Slot, Target } from "./client.ts";

const headEnd = Buffer.from("\r\n\r\n");
const statusLine = Buffer.from("HTTP/1.1 200");
const contentLength = /\r\ncontent-length: *(\d+)\r\n/i;
/** Of all connections: the bytes are looked at before the next read. */
const readBuffer = Buffer.allocUnsafeSlow(256 * 1_024);
const nothing = Buffer.alloc(0);

/** A connection on which one request at a time is sent: as light as it can be, since the origin shares its core. */
export class Http1Connection implements Connection, Slot {
  readonly slots: readonly Slot[] = [this];
  startedMs = 0;
  readonly #socket: Socket;
  readonly #request: Buffer;
  readonly #responseBytes: number;
  /** The start of a response that is a refusal. */
  readonly #refusalLine: Buffer | undefined;
  #isRefused = false;
  readonly #listener: Listener;
  #head = nothing;
  /** Of the present body; -1: the head is not complete. */
  #bytesLeft = -1;
  #isClosed = false;

  private constructor(socket: Socket, target: Target, listener: Listener) {
    this.#socket = socket;
    this.#request = encodeRequest(target);
    this.#responseBytes = target.responseBytes;
    this.#refusalLine = target.refusal === undefined ? undefined : Buffer.from(`HTTP/1.1 ${target.refusal}`);
    this.#listener = listener;
  }

  /** @throws When the server cannot be reached. */
  static open(target: Target, listener: Listener): Promise<Http1Connection> {
    return new Promise((resolve, reject) => {
      let connection: Http1Connection | undefined;
      const options = {
        host: target.host,
        port: target.port,
        noDelay: true,
        onread: {
          buffer: readBuffer,
          callback: (length: number, buffer: Uint8Array) => {
            connection?.read(buffer as Buffer, length);
            return true;
          },
        },
      };
      const onConnect = (): void => {
        connection = new Http1Connection(socket, target, listener);
        resolve(connection);
      };
      const socket = target.tls
        ? connectTls({ ...options, rejectUnauthorized: false, ALPNProtocols: ["http/1.1"] }, onConnect)
        : connect(options, onConnect);
      socket.on("error", (error) => (connection === undefined ? reject(error) : connection.fail(error)));
      socket.on("close", () => {
        connection?.fail(new Error("connection closed"));
        reject(new Error("connection closed"));
      });
    });
  }

  send(): void {
    this.#socket.write(this.#request);
  }

  close(): void {
    this.#isClosed = true;
    this.#socket.destroy();
  }

  fail(error: Error): void {
    if (this.#isClosed) return;
    this.close();
    this.#listener.onFailure(error);
  }

  read(buffer: Buffer, length: number): void {
    if (this.#isClosed) return;
    const bodyStart = this.#bytesLeft === -1 ? this.#readHead(buffer, length) : 0;
    if (bodyStart === undefined) return;
    this.#bytesLeft -= length - bodyStart;
    if (this.#bytesLeft > 0) return;
    if (this.#bytesLeft < 0) return this.fail(new Error("more bytes than the response has"));
    this.#bytesLeft = -1;
    this.#listener.onResponse(this, this.#isRefused);
  }

  /** @returns Where the body begins; `undefined` when the head is not complete or not the expected one. */
  #readHead(buffer: Buffer, length: number): number | undefined {
    const before = this.#head.length;
    const bytes =
      before === 0 ? buffer.subarray(0, length) : Buffer.concat([this.#head, buffer.subarray(0, length)]);
    const end = bytes.indexOf(headEnd);
    if (end === -1) {
      this.#head = Buffer.from(bytes);
      return undefined;
    }
    this.#head = nothing;
    const head = bytes.toString("latin1", 0, end + 2);
    this.#isRefused = this.#refusalLine !== undefined && startsWith(bytes, this.#refusalLine);
    if (!this.#isRefused && !startsWith(bytes, statusLine)) {
      this.fail(new Error(`response must be 200 (got ${head.slice(0, head.indexOf("\r\n"))})`));
      return undefined;
    }
    const announced = contentLength.exec(head)?.[1];
    if (!this.#isRefused && Number(announced) !== this.#responseBytes) {
      this.fail(new Error(`Content-Length must be ${this.#responseBytes} (got ${announced ?? "none"})`));
      return undefined;
    }
    this.#bytesLeft = Number(announced);
    return end + headEnd.length - before;
  }
}

function startsWith(bytes: Buffer, start: Buffer): boolean {
  return bytes.compare(start, 0, start.length, 0, start.length) === 0;
}

function encodeRequest({ host, port, request }: Target): Buffer {
  const { method, path, headers, body }: Request = request;
  const fields: Record<string, string> = { host: `${host}:${port}`, ...headers };
  if (method === "POST") fields["content-length"] = String(body.length);
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n`), body]);
}
