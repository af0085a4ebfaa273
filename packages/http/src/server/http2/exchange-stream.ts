import type { ServerHttp2Stream } from "node:http2";
import type { StreamBody } from "../../stream-body.ts";
import type { HttpRequest } from "../../message.ts";
import type { Backlog } from "../backlog.ts";

/** What the bodies and the heads of an exchange need of it. */
export interface ExchangeStream {
  readonly stream: ServerHttp2Stream;
  /** Nobody wants the rest of what the client says. */
  isUnheard: boolean;
  readonly backlog: Backlog;
  /** Sends a 1xx response before the one that counts. */
  readonly inform: NonNullable<HttpRequest["onInformation"]>;
  /** A piece has passed. */
  readonly tick: () => void;
  /** The response is out. */
  readonly linger: () => void;
  /** So many bytes of the request's body have come. */
  came(bytes: number): void;
  /** The client has to send this body quickly enough. */
  measure(body: StreamBody): void;
  /** Breaks the response off, so that its client notices. */
  breakOff(): void;
}
