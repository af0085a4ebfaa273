import { createServer } from "node:https";
import { settled } from "@pagoda/core/testing";
import { Body, type BodyFlow, bodyOf, type BodySink, HttpHeaders, type HttpResponse } from "@pagoda/http";
import { testAuthority } from "@pagoda/http/testing";
import { transport } from "@pagoda/transport";
import { describe, expect, test } from "vitest";
import { bareOrigin, client, faultOf, listen, request, responseOf, textOf, untilIdle } from "./origin.ts";

const malformed = { _tag: "ConnectionBroken", code: "MALFORMED" };

/** Result of a GET to an origin with this response. */
async function answered(...lines: readonly string[]) {
  const origin = await bareOrigin();
  const one = client(origin.url);
  const result = one.call(request());
  const connection = await origin.next();
  await connection.head();
  connection.say(...lines);
  return { origin, one, result, connection };
}

/** A body whose source ignores backpressure; each chunk has another letter. */
class Careless extends Body {
  readonly length = undefined;
  readonly pieces: readonly string[];

  constructor(bytes: number, pieces: number) {
    super();
    this.pieces = Array.from({ length: pieces }, (_, at) =>
      String.fromCharCode(97 + (at % 26)).repeat(bytes),
    );
  }

  pipe(sink: BodySink): BodyFlow {
    for (const piece of this.pieces) sink.write(Buffer.from(piece));
    sink.end(HttpHeaders.empty);
    return { resume() {}, cancel() {} };
  }

  cancel(): void {}
}

function trailersOf({ body }: HttpResponse): Promise<HttpHeaders | undefined> {
  return new Promise((resolve) => {
    body.pipe({ write: () => true, end: resolve, fail: () => resolve(undefined) });
  });
}

describe("defect: a hostile origin", () => {
  test.each(["\n", "\r", "\u000b", "\u00a0\n"])(
    "hid a line end %j in the whitespace around a value",
    async (end) => {
      const { result } = await answered(
        "HTTP/1.1 200 OK",
        `X:${end}Content-Length: 3`,
        "Content-Length: 0",
        "",
        "",
      );
      expect(await faultOf(result)).toMatchObject(malformed);
    },
  );

  test.each([
    "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 0\n\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\n",
    "HTTP/1.1 200 OK\r\nX: y\n",
  ])("with a bare line feed was waited for until the timeout: %j", async (said) => {
    const { result } = await answered(said);
    expect(await faultOf(result)).toMatchObject({ ...malformed, reason: "bare-line-feed" });
  });

  test.each([
    ["field-name", "HTTP/1.1 200 OK\r\nX : 1\r\n\r\n"],
    ["field-value", "HTTP/1.1 200 OK\r\nX: a\x01b\r\n\r\n"],
    ["content-length", "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n"],
    ["transfer-encoding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"],
    ["head-too-long", `HTTP/1.1 200 OK\r\nX: ${"x".repeat(61_440)}\r\n\r\n`],
    ["not-http", "SSH-2.0-OpenSSH_9.9\r\n"],
    ["unexpected-upgrade", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"],
  ] as const)("with an invalid %s was reported as a closed connection", async (reason, said) => {
    const { result } = await answered(said);
    expect(await faultOf(result)).toMatchObject({ ...malformed, reason });
  });

  test("had a duplicate length passed on", async () => {
    const { result } = await answered(
      "HTTP/1.1 200 OK",
      "Content-Length: 2",
      "X: y",
      "content-length: 2",
      "",
      "ab",
    );
    const { headers, body } = await responseOf(result);
    expect(headers.raw).toEqual(["Content-Length", "2", "X", "y"]);
    expect(await body.text()).toMatchObject({ right: "ab" });
  });

  test.each(["Content-Length: 5", "transfer-encoding: chunked"])("sent %s in trailers", async (field) => {
    const { result } = await answered(
      "HTTP/1.1 200 OK",
      "Transfer-Encoding: chunked",
      "",
      "1",
      "a",
      "0",
      field,
      "",
      "",
    );
    expect(await trailersOf(await responseOf(result))).toBeUndefined();
  });

  test("could send 1xx responses forever", async () => {
    const { result, connection } = await answered();
    const hint = ["HTTP/1.1 103 Early Hints", `Link: ${"a".repeat(6_000)}`, "", ""];
    for (let n = 0; n < 12; n++) connection.say(...hint);
    expect(await faultOf(result)).toMatchObject(malformed);
  });

  test("had 1xx responses counted across all responses", async () => {
    const origin = await bareOrigin();
    const one = client(origin.url);
    for (let call = 0; call < 12; call++) {
      const result = one.call(request());
      const connection = origin.connections[0] ?? (await origin.next());
      await connection.head();
      const hint = ["HTTP/1.1 103 Early Hints", `Link: ${"a".repeat(6_000)}`, ""];
      connection.say(...hint, "HTTP/1.1 200 OK", "Content-Length: 0", "", "");
      await responseOf(result);
    }
    expect(origin.connections).toHaveLength(1);
  });

  test("answered before reading an upload, and the next request became part of it", async () => {
    const origin = await bareOrigin();
    const one = client(origin.url);
    const result = one.call(request("POST", "/", { body: Buffer.alloc(20_000_000) }));
    const connection = await origin.next();
    await connection.head();
    connection.socket.pause();
    connection.say("HTTP/1.1 200 OK", "Content-Length: 2", "", "ok");
    expect(await textOf(result)).toBe("ok");
    const next = one.call(request());
    const another = await origin.next();
    await another.head();
    another.say("HTTP/1.1 200 OK", "Content-Length: 2", "", "ab");
    expect(await textOf(next)).toBe("ab");
  });

  test("answered while the end of an upload was buffered, and the next request followed it", async () => {
    const origin = await bareOrigin();
    const one = client(origin.url);
    const result = one.call(request("POST", "/", { body: new Careless(50_000, 600) }));
    const connection = await origin.next();
    await connection.head();
    connection.socket.pause();
    connection.say("HTTP/1.1 200 OK", "Content-Length: 2", "", "ok");
    expect(await textOf(result)).toBe("ok");
    await untilIdle(one);
    expect(one.describe().state).toMatchObject({ connections: 0 });
  });
});

test("defect: over TLS an unread end of a response left the connection paused, and the next call hung", async () => {
  const { ca, issue } = testAuthority();
  const { certificate: cert, key } = issue({ names: "IP:127.0.0.1" });
  const server = createServer({ key, cert }, (_message, out) => out.end("a".repeat(100_000)));
  const url = await listen(server, () => server.closeAllConnections(), "https");
  const one = client(url, { tls: { ca } });
  for (let call = 0; call < 5; call++) {
    const { body } = await responseOf(one.call(request()));
    // Four records fill the reader's buffer, and more are already decrypted.
    for (let turn = 0; turn < 100; turn++) await settled();
    expect(await body.bytes()).toMatchObject({ right: { length: 100_000 } });
    await untilIdle(one);
  }
});

describe("defect: a caller", () => {
  const mistake = new Error("a mistake");

  test("that throws in onInformation ended the process", async () => {
    const origin = await bareOrigin();
    const one = client(origin.url);
    const result = one.call({
      ...request(),
      onInformation() {
        throw mistake;
      },
    });
    const connection = await origin.next();
    await connection.head();
    connection.say("HTTP/1.1 103 Early Hints", "", "");
    await expect(result).rejects.toBe(mistake);
    await untilIdle(one);
  });

  test("that throws in a body observer ended the process", async () => {
    const origin = await bareOrigin();
    const one = client(origin.url);
    const body = bodyOf("hello");
    body.observe(() => {
      throw mistake;
    });
    await expect(one.call(request("POST", "/", { body }))).rejects.toBe(mistake);
    await untilIdle(one);
  });

  test("sent framing fields in trailers", async () => {
    const origin = await bareOrigin();
    const one = client(origin.url);
    const body = bodyOf("hello");
    Object.defineProperty(body, "length", { value: undefined });
    body.take = () => undefined;
    const pipe = body.pipe.bind(body);
    body.pipe = (sink) =>
      pipe({
        write: (chunk) => sink.write(chunk),
        end: () => sink.end(HttpHeaders.of({ "Content-Length": "9", sum: "1" })),
        fail: (fault) => sink.fail(fault),
      });
    const result = one.call(request("POST", "/", { body }));
    const connection = await origin.next();
    expect(await connection.until("0\r\nsum: 1\r\n\r\n")).not.toMatch(/content-length/i);
    connection.say("HTTP/1.1 204 No Content", "", "");
    expect((await responseOf(result)).status).toBe(204);
  });

  test("whose body ignores backpressure had its chunks reordered", async () => {
    const origin = await bareOrigin();
    const body = new Careless(300_000, 4);
    const result = client(origin.url).call(request("POST", "/", { body }));
    const connection = await origin.next();
    await connection.head();
    const chunks = await connection.until("0\r\n\r\n");
    expect(chunks.replace(/[\da-f]+\r\n([^\r]*)\r\n/g, "$1")).toBe(body.pieces.join(""));
    connection.say("HTTP/1.1 204 No Content", "", "");
    expect((await responseOf(result)).status).toBe(204);
  });

  test("could configure port 0", () => {
    expect(() => transport("http://localhost:0")).toThrow(RangeError);
  });
});
