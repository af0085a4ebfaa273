// What the server reads, rightly, although llhttp refuses it or reads it differently. Each
// exception rewrites the input into what both must read alike.
import { isNamed, mayTrail } from "@pagoda/http/grammar";
import { knownMethods } from "./llhttp.ts";
import { type Reading, type ReadRequest, readWithOurs, valuesOf } from "./reading.ts";

/** How often each exception was needed. */
export type Exceptions = Map<string, number>;

/**
 * Rewrites an input that only falls under the exceptions, and what the server has read of it.
 *
 * @returns `undefined` if no exception applies.
 */
export function excepted(
  text: string,
  { requests, ...rest }: Reading,
  uses: Exceptions,
): { readonly text: string; readonly ours: Reading } | undefined {
  const rewriting = new Rewriting(uses);
  let start = 0;
  let result = "";
  const ends = endsOf(text);
  const read = requests.map((request, i) => {
    const end = ends[i] ?? text.length;
    result += rewriting.request(text.slice(start, end), request);
    start = end;
    return rewriting.reading(request);
  });
  result += text.slice(start);
  return result === text ? undefined : { text: result, ours: { requests: read, ...rest } };
}

/** Where each request ends. */
function endsOf(text: string): number[] {
  const ends: number[] = [];
  let at = 0;
  const bytes = Buffer.from(text, "latin1");
  readWithOurs(
    (function* () {
      while (at < bytes.length) yield bytes.subarray(at, ++at);
    })(),
    () => ends.push(at),
  );
  return ends;
}

class Rewriting {
  readonly #uses: Exceptions;

  constructor(uses: Exceptions) {
    this.#uses = uses;
  }

  request(text: string, request: ReadRequest): string {
    const headEnd = text.indexOf("\r\n\r\n", /^(?:\r\n)*/.exec(text)?.[0].length) + 4;
    const [, empty, method, target, minor, fields] =
      /^((?:\r\n)*)([^ ]+)( +[^ ]+ +HTTP\/1\.)(\d)([^]*)$/.exec(text.slice(0, headEnd)) as unknown as [
        string,
        string,
        string,
        string,
        string,
        string,
      ];
    const chunked = valuesOf(request.fields, "transfer-encoding").length > 0;
    return (
      empty +
      this.#method(method) +
      target +
      this.#minor(minor) +
      this.#fields(fields, request) +
      (chunked ? this.#chunks(text.slice(headEnd)) : text.slice(headEnd))
    );
  }

  reading(request: ReadRequest): ReadRequest {
    const fields = request.fields.map((each, i) => {
      if (i % 2 === 0) return isNamed(each, "proxy-connection") ? "Proxy_Connection" : each;
      const isContradictory = closesTwice(request) && isNamed(request.fields[i - 1] as string, "connection");
      return isContradictory ? each.replaceAll(/keep-alive/gi, "keepalive") : each;
    });
    return { ...request, fields, method: knownMethods.has(request.method) ? request.method : "POST" };
  }

  /** RFC 9110, 9.1: any token is a method. llhttp reads no framing from it, CONNECT excepted. */
  #method(method: string): string {
    return knownMethods.has(method) ? method : this.#used("unknown method", "POST");
  }

  /** RFC 9110, 2.5: a later minor version is read as the highest one supported. */
  #minor(minor: string): string {
    return minor > "1" ? this.#used("HTTP/1.2 to 1.9", "1") : minor;
  }

  #fields(text: string, request: ReadRequest): string {
    // RFC 9112, C.2.2: Proxy-Connection is not a field of HTTP. llhttp takes it for Connection.
    let result = text.replaceAll(/\r\nProxy-Connection:/gi, () =>
      this.#used("Proxy-Connection", "\r\nProxy_Connection:"),
    );
    // RFC 9112, 5: whitespace behind a value does not belong to it. llhttp only removes spaces here.
    result = result.replaceAll(
      /(\r\nTransfer-Encoding:[ \t]*chunked)(?! *\r\n)[ \t]+(?=\r\n)/gi,
      (_all, field: string) => this.#used("tab behind chunked", field),
    );
    // RFC 9112, 9.3: `close` comes first. llhttp lets `keep-alive` win in HTTP/1.0.
    if (closesTwice(request))
      result = result.replaceAll(/(?<=\r\nConnection:.*)keep-alive/gi, () =>
        this.#used("keep-alive beside close in HTTP/1.0", "keepalive"),
      );
    return result;
  }

  #chunks(text: string): string {
    let result = "";
    let at = 0;
    for (let size = 1; size > 0 && at < text.length;) {
      const lineEnd = text.indexOf("\r\n", at);
      if (lineEnd < 0) break;
      const line = text.slice(at, lineEnd);
      size = Number.parseInt(line, 16);
      at = lineEnd + 2 + (size > 0 ? size + 2 : 0);
      result += this.#chunkLine(line) + text.slice(lineEnd, at);
    }
    return result + this.#trailers(text.slice(at));
  }

  /** RFC 9112, 7.1.1: whitespace may surround the delimiters of chunk extensions. */
  #chunkLine(line: string): string {
    return line.replaceAll(/"(?:[^"\\]|\\.)*"|[ \t]+/g, (part) =>
      part.startsWith('"') ? part : this.#used("whitespace in a chunk extension", ""),
    );
  }

  /** RFC 9110, 6.5.1: trailers are not merged into the head. llhttp takes `Connection` from them. */
  #trailers(text: string): string {
    return text.replaceAll(/^([^:\r\n]*):.*\r\n/gm, (line, name: string) =>
      mayTrail(name) ? line : this.#used("field that must not trail", ""),
    );
  }

  #used(reason: string, text: string): string {
    this.#uses.set(reason, (this.#uses.get(reason) ?? 0) + 1);
    return text;
  }
}

/** HTTP/1.0 with both `keep-alive` and `close`. */
function closesTwice({ minor, fields, persists }: ReadRequest): boolean {
  const options = valuesOf(fields, "connection").join(",");
  return minor === 0 && !persists && /keep-alive/i.test(options) && /close/i.test(options);
}
