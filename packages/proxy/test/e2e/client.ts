import { Agent, type IncomingMessage, request, type RequestOptions } from "node:http";
import { connect, type Socket } from "node:net";

export interface Answer {
  readonly status: number;
  readonly message: IncomingMessage;
  readonly body: string;
}

/** One request with Node's client and its whole response. */
export async function call(url: string, options: RequestOptions = {}, body?: string): Promise<Answer> {
  const message = await head(url, options, body);
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return { status: message.statusCode as number, message, body: Buffer.concat(chunks).toString() };
}

/** The bodies of that many calls in sequence. */
export async function bodies(
  url: string,
  count: number,
  headers: Readonly<Record<string, string>> = {},
): Promise<string[]> {
  const all: string[] = [];
  for (let at = 0; at < count; at++) all.push((await call(url, { headers })).body);
  return all;
}

/** One request with Node's client up to the response head; the caller reads the body. */
export function head(url: string, options: RequestOptions = {}, body?: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request(url, options).once("error", reject).once("response", resolve).end(body);
  });
}

/** An agent with that many keep-alive connections. */
export function keepAlive(maxSockets: number): Agent & Disposable {
  const agent = new Agent({ keepAlive: true, maxSockets });
  return Object.assign(agent, { [Symbol.dispose]: () => agent.destroy() });
}

/** A bare connection to the host of a URL. */
export class Wire implements Disposable {
  readonly socket: Socket;
  /** Everything received. */
  text = "";
  /** The code of the error that ended it; undefined if it ended properly. */
  readonly closed: Promise<string | undefined>;

  constructor(url: string, options: { readonly allowHalfOpen?: boolean } = {}) {
    const { hostname, port } = new URL(url);
    this.socket = connect({ host: hostname, port: Number(port), ...options });
    this.socket.setEncoding("latin1").on("data", (text: string) => (this.text += text));
    this.closed = new Promise((resolve) => {
      let code: string | undefined;
      this.socket.once("error", (error: NodeJS.ErrnoException) => (code = error.code));
      this.socket.once("close", () => resolve(code));
    });
  }

  send(text: string): void {
    this.socket.write(text, "latin1");
  }

  /** Settles once this has been received. Fails if the connection ends before. */
  async receives(text: string): Promise<void> {
    while (!this.text.includes(text)) {
      const ended = await Promise.race([
        new Promise<false>((resolve) => this.socket.once("data", () => resolve(false))),
        this.closed.then(() => true),
      ]);
      if (ended && !this.text.includes(text)) throw new Error(`ended after ${JSON.stringify(this.text)}`);
    }
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}
