/** Where requests go and what has to come back. */
export interface Target {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  readonly protocol: "http1" | "http2";
  readonly request: Request;
  /** Bytes that the body of each response must have. */
  readonly responseBytes: number;
  /** Status of responses that are expected, too, with a body of any length. HTTP/1.1 only. */
  readonly refusal?: number;
}

export interface Request {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** What a connection reports. */
export interface Listener {
  /**
   * A response is complete and was an expected one: another request may be sent.
   *
   * @param isRefused Whether it had the status of a refusal.
   */
  onResponse(slot: Slot, isRefused?: boolean): void;
  /** The connection is lost, or a response was not the expected one. Called once. */
  onFailure(error: Error): void;
}

/** A place for one request at a time: an HTTP/1.1 connection, or one of the streams of an HTTP/2 connection. */
export interface Slot {
  /** When the request was due, or sent, in the unit of `performance.now()`. Belongs to the caller. */
  startedMs: number;
  send(): void;
}

/** A connection to a server. */
export interface Connection {
  readonly slots: readonly Slot[];
  close(): void;
}
