import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
  type SecureClientSessionOptions,
} from "node:http2";
import { authorityOf } from "@pagoda/http/grammar";
import { sanCheck, type SanMatch } from "@pagoda/http";
import { errorNames } from "@pagoda/http/http2";
import { isLeft } from "@pagoda/core";
import { decodeResponse, nameOfCode } from "./grpc-messages.ts";
import { probeFailed, type ProbeResult, probeInconclusive, probeSucceeded } from "./probe.ts";
import { type Address, codeOf, unconnected } from "./tcp-probe.ts";

/** Address of a gRPC server. */
export interface GrpcAddress extends Address {
  /** Enables TLS; `true` trusts the system's certificate authorities. Default: no TLS. */
  readonly tls?: boolean | GrpcTls;
}

export interface GrpcTls {
  /** Certificate authorities to trust instead of the system's, as PEM. */
  readonly ca?: string;
  /** Server name for SNI and certificate verification. Default: the host. */
  readonly servername?: string;
  /**
   * Subject alternative names; the certificate must match one, instead of the host. Default: none.
   */
  readonly sans?: readonly SanMatch[];
  /** Client certificate for servers that request one, as PEM. Requires `key`. */
  readonly certificate?: string;
  /** Private key of `certificate`, as PEM. */
  readonly key?: string;
  /** Whether the server's certificate is verified. Default true. */
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

/** Maximum size of a response. A valid one has a few bytes; the limit protects memory. */
const maxAnswerBytes = 4_096;
/** Characters of a `grpc-message` that are reported. */
const maxMessageLength = 200;

/** An HTTP/2 session and its state. */
interface Line {
  readonly session: ClientHttp2Session;
  isConnected: boolean;
  /** Error code of the server's GOAWAY. */
  goaway?: number;
}

/** The connection to one endpoint, opened on demand. */
export class GrpcConnection {
  readonly #address: () => GrpcAddress;
  #line: Line | undefined;

  /** @param address Called for each new connection. */
  constructor(address: () => GrpcAddress) {
    this.#address = address;
  }

  /** Calls `Check` once. */
  check(request: Uint8Array, signal: AbortSignal): Promise<ProbeResult> {
    const last = this.#line;
    // A closed session may finish its open streams but accepts no new ones.
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
      const onAbort = (): void => end(probeInconclusive("aborted", signal.reason), false);
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
    const authority = authorityOf(host, port);
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
    // The open stream gets the error, too.
    session.on("error", () => {});
    return line;
  }

  #drop(line: Line): void {
    if (this.#line === line) this.#line = undefined;
    line.session.destroy();
  }
}

/** Collects the response on one stream. */
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

  /** Whether the server completed its response, whatever it says. */
  get isWhole(): boolean {
    return (
      this.#hasEnded && this.#headers !== undefined && this.#stream.rstCode === constants.NGHTTP2_NO_ERROR
    );
  }

  /** Call after the stream has closed. */
  result(line: Line): ProbeResult {
    const { ":status": status, "content-type": type = "none" } = this.#headers ?? {};
    if (status !== undefined && Number(status) !== 200) return probeFailed(`HTTP status ${status}`);
    if (this.#size > maxAnswerBytes) return probeFailed(`response exceeds ${maxAnswerBytes} bytes`);
    if (!this.isWhole) return this.#broken(line);
    if (!/^application\/grpc(?:$|[+;])/.test(type)) return probeFailed(`content-type ${type} is not gRPC`);
    // Without a message, the status may be in the headers.
    const { "grpc-status": code, "grpc-message": message } = this.#trailers ?? this.#headers ?? {};
    if (typeof code !== "string") return probeFailed("no grpc-status");
    if (code !== "0") return probeFailed(`grpc-status ${nameOfCode(code)}${spell(message)}`);
    const serving = decodeResponse(Buffer.concat(this.#chunks));
    if (isLeft(serving)) return probeFailed(serving.left);
    return serving.right === "SERVING" ? probeSucceeded : probeFailed(serving.right);
  }

  #broken(line: Line): ProbeResult {
    const error = this.#error;
    if (line.goaway === undefined && !line.isConnected && error !== undefined)
      return unconnected(error.cause ?? error);
    return probeFailed(this.#whyBroken(line), error);
  }

  #whyBroken({ goaway, session }: Line): string {
    const error = this.#error as NodeJS.ErrnoException | undefined;
    if (goaway !== undefined) return `GOAWAY with ${nameOfReset(goaway)}`;
    if (error !== undefined && error.code !== "ERR_HTTP2_STREAM_ERROR") {
      return `connection failed: ${codeOf(error)}`;
    }
    if (session.destroyed) return "connection closed";
    return `reset with ${nameOfReset(this.#stream.rstCode)}`;
  }
}

/** Name of an HTTP/2 error code. */
function nameOfReset(code: number | undefined): string {
  return errorNames[code ?? 0] ?? `code ${code}`;
}

/** Decodes a `grpc-message`, which gRPC percent-encodes, for display. */
function spell(message: string | readonly string[] | undefined): string {
  if (typeof message !== "string" || message === "") return "";
  const short = message.slice(0, maxMessageLength);
  try {
    return `: ${decodeURIComponent(short)}`;
  } catch {
    return `: ${short}`;
  }
}
