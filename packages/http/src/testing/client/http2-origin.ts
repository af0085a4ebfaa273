import { once } from "node:events";
import { createServer, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";

/** @param fields Names and values as they came. */
export type Http2Answer = (stream: ServerHttp2Stream, fields: readonly string[]) => void;

/** An HTTP/2 origin without TLS, on Node's server. */
export class Http2Origin {
  readonly url: string;
  readonly sessions: readonly ServerHttp2Session[];
  /** The codes with which streams were closed. */
  readonly codes: readonly number[];
  readonly #server: Http2Server;

  private constructor(
    server: Http2Server,
    sessions: readonly ServerHttp2Session[],
    codes: readonly number[],
  ) {
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    this.#server = server;
    this.sessions = sessions;
    this.codes = codes;
  }

  static async open(answer: Http2Answer): Promise<Http2Origin> {
    const sessions: ServerHttp2Session[] = [];
    const codes: number[] = [];
    const server = createServer();
    server.on("session", (session) => sessions.push(session));
    server.on("stream", (stream: ServerHttp2Stream, _headers, _flags, fields: readonly string[]) => {
      stream.on("error", () => {});
      stream.on("close", () => codes.push(stream.rstCode));
      answer(stream, fields);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new Http2Origin(server, sessions, codes);
  }

  close(): void {
    this.#server.close();
    for (const session of this.sessions) session.destroy();
  }
}
