import { createServer } from "node:https";
import { settled } from "@pagoda/core/testing";
import { Body, type BodyFlow, bodyOf, type BodySink, HttpHeaders, type HttpResponse } from "@pagoda/http";
import { testAuthority } from "@pagoda/http/testing";
import { transport } from "@pagoda/transport";
import { describe, expect, test } from "vitest";
import { bareOrigin, client, faultOf, listen, request, responseOf, textOf, untilIdle } from "./origin.ts";

const malformed = { _tag: "ConnectionBroken", code: "MALFORMED" };

/** What the transport makes of an origin that says this to a GET. */
async function answered(...lines: readonly string[]) {
  const origin = await bareOrigin();
  const one = client(origin.url);
  const result = one.call(request());
  const connection = await origin.next();
  await connection.head();
  connection.say(...lines);
  return { origin, one, result, connection };
}

/** A body whose source does not wait when it should; each piece is of another letter. */
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
    "hid a line end %j in the space around a value",
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
  ])("that ends lines with a bare line feed was waited for until the time was over: %j", async (said) => {
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
  ] as const)(
    "was said to have closed the connection, when its response had a wrong %s",
    async (reason, said) => {
      const { result } = await answered(said);
      expect(await faultOf(result)).toMatchObject({ ...malformed, reason });
    },
  );

  test("had its length passed on twice", async () => {
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

  test.each(["Content-Length: 5", "transfer-encoding: chunked"])("said %s in its trailers", async (field) => {
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

  test("could go on with information for ever", async () => {
    const { result, connection } = await answered();
    const hint = ["HTTP/1.1 103 Early Hints", `Link: ${"a".repeat(6_000)}`, "", ""];
    for (let n = 0; n < 12; n++) connection.say(...hint);
    expect(await faultOf(result)).toMatchObject(malformed);
  });

  test("had its information counted over all its responses", async () => {
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

  test("answered before it had read an upload, and the next request went into the rest of that", async () => {
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

  test("answered while the end of an upload waited in the socket, and the next request went behind that", async () => {
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

test("defect: over TLS the end of a response that nobody read came to a paused connection, on which the next call hung", async () => {
  const { ca, issue } = testAuthority();
  const { certificate: cert, key } = issue({ names: "IP:127.0.0.1" });
  const server = createServer({ key, cert }, (_message, out) => out.end("a".repeat(100_000)));
  const url = await listen(server, () => server.closeAllConnections(), "https");
  const one = client(url, { tls: { ca } });
  for (let call = 0; call < 5; call++) {
    const { body } = await responseOf(one.call(request()));
    // Four records fill what is kept for a reader, and more are deciphered already.
    for (let turn = 0; turn < 100; turn++) await settled();
    expect(await body.bytes()).toMatchObject({ right: { length: 100_000 } });
    await untilIdle(one);
  }
});

describe("defect: a caller", () => {
  const mistake = new Error("a mistake");

  test("that throws when it is informed ended the process", async () => {
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

  test("that throws when its body has been sent ended the process", async () => {
    const origin = await bareOrigin();
    const one = client(origin.url);
    const body = bodyOf("hello");
    body.observe(() => {
      throw mistake;
    });
    await expect(one.call(request("POST", "/", { body }))).rejects.toBe(mistake);
    await untilIdle(one);
  });

  test("sent trailers that say how long the request is", async () => {
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

  test("whose body does not wait had its pieces mixed", async () => {
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

  test("named an origin on port 0", () => {
    expect(() => transport("http://localhost:0")).toThrow(RangeError);
  });
});
