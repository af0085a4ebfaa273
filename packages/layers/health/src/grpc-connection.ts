import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
  type SecureClientSessionOptions,
} from "node:http2";
import { isIPv6 } from "node:net";
import { sanCheck, type SanMatch } from "@pagoda/http";
import { isLeft } from "fp-ts/lib/Either.js";
import { decodeResponse, nameOfCode } from "./grpc-messages.ts";
import { illProbed, type ProbeResult, unprobed, wellProbed } from "./probe.ts";
import { type Address, codeOf, unconnected } from "./tcp-probe.ts";

/** Where a gRPC server listens. */
export interface GrpcAddress extends Address {
  /** Whom to trust, over TLS; `true`: whom the system trusts. Default: no TLS. */
  readonly tls?: boolean | GrpcTls;
}

export interface GrpcTls {
  /** Certificates of the authorities that are trusted instead of the system's, as PEM. */
  readonly ca?: string;
  /** What the certificate must show, and the SNI. Default: the host. */
  readonly servername?: string;
  /** Names of which the certificate must show one, instead of the host. Default: none. */
  readonly sans?: readonly SanMatch[];
  /** What is shown to a server that asks who calls, as PEM. Goes with `key`. */
  readonly certificate?: string;
  /** The key of `certificate`, as PEM. */
  readonly key?: string;
  /** Default true. False: any certificate of the server's will do. */
  readonly verify?: boolean;
}

function connectOptions({ certificate, sans, verify = true, ...rest }: GrpcTls): SecureClientSessionOptions {
  return {
    ...rest,
    ...(certificate !== undefined && { cert: certificate }),
    ...(sans !== undefined && { checkServerIdentity: sanCheck(sans) }),
    rejectUnauthorized: verify,
  };
}

/** What an answer may have at most: it is a few bytes, and nobody fills the memory with it. */
const maxAnswerBytes = 4_096;
/** How much of a server's message is passed on. */
const maxMessageLength = 200;

/** HTTP/2's error codes (RFC 9113, 7). */
const resets = [
  "NO_ERROR",
  "PROTOCOL_ERROR",
  "INTERNAL_ERROR",
  "FLOW_CONTROL_ERROR",
  "SETTINGS_TIMEOUT",
  "STREAM_CLOSED",
  "FRAME_SIZE_ERROR",
  "REFUSED_STREAM",
  "CANCEL",
  "COMPRESSION_ERROR",
  "CONNECT_ERROR",
  "ENHANCE_YOUR_CALM",
  "INADEQUATE_SECURITY",
  "HTTP_1_1_REQUIRED",
] as const;

/** A session, and how far it has come. */
interface Line {
  readonly session: ClientHttp2Session;
  isConnected: boolean;
  /** With which code the server has taken its leave. */
  goaway?: number;
}

/** The connection to one endpoint, opened when it is needed. */
export class GrpcConnection {
  readonly #address: () => GrpcAddress;
  #line: Line | undefined;

  /** @param address Asked for each new connection. */
  constructor(address: () => GrpcAddress) {
    this.#address = address;
  }

  /** One call of `Check`. */
  check(request: Uint8Array, signal: AbortSignal): Promise<ProbeResult> {
    const last = this.#line;
    // One that is closed may let a stream end that is under way, and begins no other.
    const line = last === undefined || last.session.closed || last.session.destroyed ? this.#open() : last;
    this.#line = line;
    return new Promise((resolve) => {
      const stream = line.session.request({
        ":method": "POST",
        ":path": "/grpc.health.v1.Health/Check",
        "content-type": "application/grpc",
        te: "trailers",
      });
      const answer = new Answer(stream);
      const end = (result: ProbeResult, isWhole: boolean): void => {
        signal.removeEventListener("abort", onAbort);
        if (!isWhole) this.#drop(line);
        resolve(result);
      };
      const onAbort = (): void => end(unprobed("aborted", signal.reason), false);
      if (signal.aborted) onAbort();
      else signal.addEventListener("abort", onAbort);
      stream.on("close", () => end(answer.result(line), answer.isWhole));
      stream.end(request);
    });
  }

  close(): void {
    if (this.#line !== undefined) this.#drop(this.#line);
  }

  #open(): Line {
    const { host, port, tls } = this.#address();
    const authority = `${isIPv6(host) ? `[${host}]` : host}:${port}`;
    const session =
      tls === undefined || tls === false
        ? connect(`http://${authority}`)
        : connect(`https://${authority}`, tls === true ? {} : connectOptions(tls));
    const line: Line = { session, isConnected: false };
    session.on("connect", () => {
      line.isConnected = true;
    });
    session.on("goaway", (code) => {
      line.goaway = code;
    });
    // The stream under way hears of it, too.
    session.on("error", () => {});
    return line;
  }

  #drop(line: Line): void {
    if (this.#line === line) this.#line = undefined;
    line.session.destroy();
  }
}

/** Gathers what comes on one stream. */
class Answer {
  readonly #stream: ClientHttp2Stream;
  readonly #chunks: Buffer[] = [];
  #size = 0;
  #headers: IncomingHttpHeaders | undefined;
  #trailers: IncomingHttpHeaders | undefined;
  #error: Error | undefined;
  #hasEnded = false;

  constructor(stream: ClientHttp2Stream) {
    this.#stream = stream;
    stream.on("response", (headers) => {
      this.#headers = headers;
    });
    stream.on("trailers", (trailers) => {
      this.#trailers = trailers;
    });
    stream.on("data", (chunk: Buffer) => {
      this.#size += chunk.length;
      if (this.#size > maxAnswerBytes) stream.close(constants.NGHTTP2_CANCEL);
      else this.#chunks.push(chunk);
    });
    stream.on("end", () => {
      this.#hasEnded = true;
    });
    stream.on("error", (error) => {
      this.#error = error;
    });
  }

  /** The server has said all that it wanted to say, whatever it was. */
  get isWhole(): boolean {
    return (
      this.#hasEnded && this.#headers !== undefined && this.#stream.rstCode === constants.NGHTTP2_NO_ERROR
    );
  }

  /** When the stream has closed. */
  result(line: Line): ProbeResult {
    const { ":status": status, "content-type": type = "none" } = this.#headers ?? {};
    if (status !== undefined && Number(status) !== 200) return illProbed(`HTTP status ${status}`);
    if (this.#size > maxAnswerBytes) return illProbed(`an answer of more than ${maxAnswerBytes} bytes`);
    if (!this.isWhole) return this.#broken(line);
    if (!/^application\/grpc(?:$|[+;])/.test(type))
      return illProbed(`content-type ${type}, which is no gRPC`);
    // Without a message, the status may stand in the head.
    const { "grpc-status": code, "grpc-message": message } = this.#trailers ?? this.#headers ?? {};
    if (typeof code !== "string") return illProbed("no grpc-status");
    if (code !== "0") return illProbed(`grpc-status ${nameOfCode(code)}${spell(message)}`);
    const serving = decodeResponse(Buffer.concat(this.#chunks));
    if (isLeft(serving)) return illProbed(serving.left);
    return serving.right === "SERVING" ? wellProbed : illProbed(serving.right);
  }

  #broken(line: Line): ProbeResult {
    const error = this.#error;
    if (line.goaway === undefined && !line.isConnected && error !== undefined)
      return unconnected(error.cause ?? error);
    return illProbed(this.#whyBroken(line), error);
  }

  #whyBroken({ goaway, session }: Line): string {
    const error = this.#error as NodeJS.ErrnoException | undefined;
    if (goaway !== undefined) return `GOAWAY with ${nameOfReset(goaway)}`;
    if (error !== undefined && error.code !== "ERR_HTTP2_STREAM_ERROR") {
      return `the connection broke: ${codeOf(error)}`;
    }
    if (session.destroyed) return "the connection was closed";
    return `reset with ${nameOfReset(this.#stream.rstCode)}`;
  }
}

/** The name of an HTTP/2 error code. */
function nameOfReset(code: number | undefined): string {
  return resets[code ?? 0] ?? `code ${code}`;
}

/** A server's message, percent-encoded as gRPC has it, for people. */
function spell(message: string | readonly string[] | undefined): string {
  if (typeof message !== "string" || message === "") return "";
  const short = message.slice(0, maxMessageLength);
  try {
    return `: ${decodeURIComponent(short)}`;
  } catch {
    return `: ${short}`;
  }
}
