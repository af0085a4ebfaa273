import type { ServerStream } from "../../http2/server-stream.ts";
import type { Backlog } from "../backlog.ts";
import type { HttpDate } from "../http-date.ts";

/** Receives what happens to a response that is sent piece by piece. */
export interface ResponseFlow {
  /** The client has taken what was written. */
  drained(): void;
  /** The stream is closed. */
  closed(): void;
}

/** An exchange as seen by its response. */
export interface ExchangeStream {
  readonly stream: ServerStream;
  readonly backlog: Backlog;
  readonly date: HttpDate;
  /** The client's half is no longer read. */
  readonly isUnheard: boolean;
  /** The head of the response was sent. */
  headSent: boolean;
  flow: ResponseFlow | undefined;
}
