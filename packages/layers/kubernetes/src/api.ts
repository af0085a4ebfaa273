import { readFile } from "node:fs/promises";
import { type Clock, type Either, formatValue, isLeft, left, right } from "@pagoda/core";
import { buildConnector, Client, type Dispatcher } from "undici";
import type { ApiServer } from "./api-server.ts";
import type { ApiInvalid, ApiRefused, ApiUnreachable, FileUnreadable } from "./faults.ts";

export type ApiFault = ApiUnreachable | ApiRefused | ApiInvalid | FileUnreadable;

/** How long a request may take, in milliseconds. */
export interface Limits {
  /** Until the response begins, including the connection. */
  readonly headMs: number;
  /** From then on until it ends. */
  readonly bodyMs: number;
}

/** Characters of an answer: a page of a list, or an event of a watch. */
export const maxLength: number = 64 * 1_024 ** 2;
/** Characters of an error response, which may be a web page of a proxy. */
const maxExplanation = 10_000;

/** Reads from the API server over one connection, one request at a time. */
export class Api {
  readonly #server: ApiServer;
  readonly #clock: Clock;
  readonly #client: Client;
  readonly #closing = new AbortController();

  constructor(server: ApiServer, clock: Clock) {
    this.#server = server;
    this.#clock = clock;
    const connector: buildConnector.connector = (options, callback) => {
      readText(server.caFile)
        // The time limit is that of the request.
        .then((ca) => buildConnector({ ca, timeout: 0, allowH2: false })(options, callback))
        .catch((error: unknown) => callback(error as Error, null));
    };
    this.#client = new Client(server.origin, { connect: connector, headersTimeout: 0, bodyTimeout: 0 });
  }

  /**
   * Sends a GET request.
   *
   * @param read Reads the body as it arrives. What it leaves is discarded.
   */
  async get<T>(
    path: string,
    { headMs, bodyMs }: Limits,
    read: (body: AsyncIterable<Uint8Array>) => Promise<Either<ApiFault, T>>,
  ): Promise<Either<ApiFault, T>> {
    const ending = new AbortController();
    const late = (): void => ending.abort(Object.assign(new Error("no answer"), { code: "ETIMEDOUT" }));
    const closed = (): void => ending.abort();
    this.#closing.signal.addEventListener("abort", closed);
    let timer = this.#clock.setTimer(headMs, late);
    try {
      const response = await this.#request(path, ending.signal);
      if (isLeft(response)) return response;
      this.#clock.clearTimer(timer);
      timer = this.#clock.setTimer(bodyMs, late);
      const { statusCode, headers, body } = response.right;
      let broken: ApiFault | undefined;
      // Only the connection may break here: what `read` throws is a defect.
      const bytes = unbroken(body, (cause) => (broken = this.#unreachable(ending.signal, cause)));
      const result =
        statusCode === 200
          ? await read(bytes)
          : left(this.refused(statusCode, await explanationIn(bytes), headers["retry-after"]));
      return broken === undefined ? result : left(broken);
    } finally {
      this.#clock.clearTimer(timer);
      this.#closing.signal.removeEventListener("abort", closed);
      ending.abort();
    }
  }

  async #request(path: string, signal: AbortSignal): Promise<Either<ApiFault, Dispatcher.ResponseData>> {
    try {
      const token = await readText(this.#server.tokenFile);
      const headers = { accept: "application/json", authorization: `Bearer ${token.trim()}` };
      return right(await this.#client.request({ method: "GET", path, headers, signal }));
    } catch (error) {
      return left(this.#unreachable(signal, error));
    }
  }

  close(): void {
    this.#closing.abort();
    void this.#client.destroy();
  }

  refused(status: number, message: string, retryAfter?: unknown): ApiRefused {
    const seconds = Number(retryAfter);
    return {
      ...this.#common("ApiRefused"),
      status,
      message,
      ...(seconds > 0 && { retryAfterMs: seconds * 1_000 }),
    };
  }

  invalid(problem: string): ApiInvalid {
    return { ...this.#common("ApiInvalid"), problem };
  }

  #unreachable(signal: AbortSignal, error: unknown): ApiUnreachable | FileUnreadable {
    const cause: unknown = signal.aborted ? signal.reason : error;
    const { code, fault } = Object(cause) as { readonly code?: unknown; readonly fault?: FileUnreadable };
    if (fault !== undefined) return fault;
    return { ...this.#common("ApiUnreachable"), code: typeof code === "string" ? code : "UNKNOWN", cause };
  }

  #common<Tag extends string>(_tag: Tag) {
    return { _tag, origin: "local", retryable: true, server: this.#server.origin } as const;
  }
}

/** @throws An error with a `fault`: {@link FileUnreadable}. */
async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    const { code = "UNKNOWN" } = cause as NodeJS.ErrnoException;
    const fault: FileUnreadable = {
      _tag: "FileUnreadable",
      origin: "local",
      retryable: true,
      path,
      code,
      cause,
    };
    throw Object.assign(new Error(`${path} cannot be read`, { cause }), { fault });
  }
}

/** Ends where the body breaks. */
async function* unbroken(
  body: AsyncIterable<Uint8Array>,
  broken: (cause: unknown) => void,
): AsyncGenerator<Uint8Array, void> {
  try {
    yield* body;
  } catch (cause) {
    broken(cause);
  }
}

/**
 * Reads a text as long as a page of a list or an event may be; `undefined` if it is longer.
 */
export async function textIn(
  body: AsyncIterable<Uint8Array>,
  most: number = maxLength,
): Promise<string | undefined> {
  const decoder = new TextDecoder();
  const pieces: string[] = [];
  let length = 0;
  for await (const bytes of body) {
    const piece = decoder.decode(bytes, { stream: true });
    pieces.push(piece);
    length += piece.length;
    if (length > most) return undefined;
  }
  return pieces.join("");
}

/** The message of the `Status` with which the API server refuses, or the text that came instead. */
async function explanationIn(body: AsyncIterable<Uint8Array>): Promise<string> {
  const text = (await textIn(body, maxExplanation)) ?? "";
  return messageOf(parsed(text)) ?? formatValue(text);
}

/** The message of a `Status`. */
export function messageOf(status: unknown): string | undefined {
  const { message } = Object(status) as { readonly message?: unknown };
  return typeof message === "string" ? message : undefined;
}

/** `undefined` if the text is not JSON. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
