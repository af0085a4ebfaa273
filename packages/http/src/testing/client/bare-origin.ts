import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";

/** A connection of a {@link BareOrigin}: received bytes as latin1, and a way to answer. */
export class BareConnection {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  text = "";
  #look = (): void => {};

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding("latin1").on("error", () => {});
    socket.on("data", (text: string) => {
      this.text += text;
      this.#look();
    });
    this.closed = new Promise((resolve) => socket.on("close", () => resolve()));
  }

  /** Waits for `end` and returns and consumes everything up to it. */
  until(end: string): Promise<string> {
    return new Promise((resolve) => {
      this.#look = () => {
        const at = this.text.indexOf(end);
        if (at < 0) return;
        const text = this.text.slice(0, at + end.length);
        this.text = this.text.slice(text.length);
        this.#look = () => {};
        resolve(text);
      };
      this.#look();
    });
  }

  head(): Promise<string> {
    return this.until("\r\n\r\n");
  }

  /** Writes lines, or the last one without its end. */
  say(...lines: readonly string[]): void {
    this.socket.write(lines.join("\r\n"), "latin1");
  }

  /** Writes, and waits until the system has taken it. */
  async sayAll(...lines: readonly string[]): Promise<void> {
    await new Promise<void>((resolve) => this.socket.write(lines.join("\r\n"), "latin1", () => resolve()));
  }
}

/** An HTTP/1.1 origin that does nothing by itself. */
export class BareOrigin {
  readonly url: string;
  readonly connections: readonly BareConnection[];
  readonly #next: () => Promise<BareConnection>;
  readonly #close: () => void;

  private constructor(
    url: string,
    connections: readonly BareConnection[],
    next: () => Promise<BareConnection>,
    close: () => void,
  ) {
    this.url = url;
    this.connections = connections;
    this.#next = next;
    this.#close = close;
  }

  static async open(): Promise<BareOrigin> {
    const connections: BareConnection[] = [];
    const server = createServer((socket) => {
      connections.push(new BareConnection(socket));
      server.emit("taken");
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    let given = 0;
    return new BareOrigin(
      `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      connections,
      async () => {
        if (connections[given] === undefined) await once(server, "taken");
        return connections[given++] as BareConnection;
      },
      () => {
        server.close();
        for (const { socket } of connections) socket.destroy();
      },
    );
  }

  /** The next new connection. */
  next(): Promise<BareConnection> {
    return this.#next();
  }

  close(): void {
    this.#close();
  }
}
