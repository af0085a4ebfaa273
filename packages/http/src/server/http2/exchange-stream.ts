import type { ServerHttp2Stream } from "node:http2";
import type { StreamBody } from "../../stream-body.ts";
import type { HttpRequest } from "../../message.ts";
import type { Backlog } from "../backlog.ts";

/** An exchange as seen by its bodies and heads. */
export interface ExchangeStream {
  readonly stream: ServerHttp2Stream;
  /** The rest of the request is not read. */
  isUnheard: boolean;
  readonly backlog: Backlog;
  /** Sends a 1xx response before the final one. */
  readonly inform: NonNullable<HttpRequest["onInformation"]>;
  /** A chunk was transferred. */
  readonly tick: () => void;
  /** The response was sent. */
  readonly linger: () => void;
  /** Counts bytes of the request body that have arrived. */
  came(bytes: number): void;
  /** Applies the limits to this body. */
  measure(body: StreamBody): void;
  /** Breaks the response off, so that its client notices. */
  breakOff(): void;
}
