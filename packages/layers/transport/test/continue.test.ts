import { bodyFrom, HttpHeaders } from "@pagoda/http";
import { describe, expect, test } from "vitest";
import { FedBody } from "@pagoda/http/testing";
import { bareOrigin, client, faultOf, request, responseOf, textOf, untilIdle } from "./origin.ts";

const expecting = { Expect: "100-continue" };
const ok = ["HTTP/1.1 200 OK", "Content-Length: 2", "", "ok"];

async function bench(input: Parameters<typeof request>[2], options = {}, method = "POST") {
  const origin = await bareOrigin();
  const transport = client(origin.url, options);
  const result = transport.call(request(method, "/", input));
  const connection = await origin.next();
  return { origin, transport, result, connection, head: await connection.head() };
}

describe("Expect: 100-continue", () => {
  test("the body is sent after 100", async () => {
    const { connection, result, head } = await bench({
      body: "hello",
      headers: { ...expecting, "X-A": "1" },
    });
    expect(head).toMatch(/^POST \/ HTTP\/1.1\r\nhost: origin.test\r\nX-A: 1\r\nexpect: 100-continue\r\n/);
    connection.say("HTTP/1.1 100 Continue", "", "");
    await connection.until("hello");
    connection.say(...ok);
    expect(await textOf(result)).toBe("ok");
  });

  test("100 is handled by the transport, other 1xx responses are passed to the caller", async () => {
    const seen: number[] = [];
    const origin = await bareOrigin();
    const onInformation = (status: number) => seen.push(status);
    const message = { ...request("POST", "/", { body: "hello", headers: expecting }), onInformation };
    const result = client(origin.url).call(message as never);
    const connection = await origin.next();
    await connection.head();
    connection.say(
      "HTTP/1.1 100 Continue",
      "",
      "HTTP/1.1 100 Continue",
      "",
      "HTTP/1.1 103 Early Hints",
      "",
      "",
    );
    await connection.until("hello");
    connection.say(...ok);
    await textOf(result);
    expect(seen).toEqual([103]);
  });

  test.each(["413 Content Too Large", "417 Expectation Failed"])(
    "the body is not read after %s",
    async (status) => {
      const body = new FedBody();
      const { connection, result, transport } = await bench({ body, headers: expecting });
      connection.say(`HTTP/1.1 ${status}`, "Content-Length: 2", "", "no");
      expect(await textOf(result)).toBe("no");
      await untilIdle(transport);
      expect({ begun: body.hasBegun, rest: connection.text }).toEqual({ begun: false, rest: "" });
    },
  );

  test("defect: a refusal without a body kept its slot forever", async () => {
    const { connection, result, transport } = await bench({ body: new FedBody(), headers: expecting });
    connection.say("HTTP/1.1 417 Expectation Failed", "Content-Length: 0", "", "");
    expect((await responseOf(result)).status).toBe(417);
    await connection.closed;
    await untilIdle(transport);
  });

  test("the body is sent after a second of silence", async () => {
    const { connection, result } = await bench({ body: "hello", headers: expecting });
    await connection.until("hello");
    connection.say(...ok);
    expect(await textOf(result)).toBe("ok");
  });

  test.each([
    ["length and chunked together", "POST", { "Content-Length": "5" }, bodyFrom(["hello"])],
    ["nothing", "DELETE", {}, "hello"],
  ])("defect: the body was framed by %s", async (_, method, headers, body) => {
    const { head } = await bench({ body, headers: { ...headers, ...expecting } }, {}, method);
    expect(head.match(/content-length: 5\r\n/gi)).toHaveLength(1);
    expect(head).not.toMatch(/transfer-encoding/i);
  });

  test.each(["hello, world", "hel"])(
    "defect: sent a body that does not match its length: %s",
    async (text) => {
      const headers = { ...expecting, "Content-Length": "5" };
      const { connection, result, transport } = await bench({ body: bodyFrom([text]), headers });
      connection.say("HTTP/1.1 100 Continue", "", "");
      expect(await faultOf(result)).toMatchObject({ _tag: "RequestInvalid", origin: "local" });
      await connection.closed;
      expect(connection.text).not.toContain("world");
      await untilIdle(transport);
    },
  );

  test.each([
    ["a", "5"],
    ["5", "5"],
  ])("contradictory lengths are refused: %s, %s", async (...lengths) => {
    const headers = new HttpHeaders([
      "Expect",
      "100-continue",
      ...lengths.flatMap((one) => ["Content-Length", one]),
    ]);
    const transport = client("http://127.0.0.1:9");
    expect(await faultOf(transport.call(request("POST", "/", { headers })))).toMatchObject({
      _tag: "RequestInvalid",
    });
    await untilIdle(transport);
  });

  test("defect: a body that was already read ended the process", async () => {
    const body = bodyFrom(["hello"]);
    await body.text();
    const { connection, result } = await bench({ body, headers: expecting });
    connection.say("HTTP/1.1 100 Continue", "", "");
    expect(await faultOf(result)).toMatchObject({ _tag: "RequestInvalid", reason: /read already/ });
  });
});

describe("request trailers", () => {
  test("follow the chunks", async () => {
    const body = new FedBody();
    const { connection, result, head } = await bench({ body, headers: { Trailer: "X-Sum" } });
    expect(head).toMatch(/Trailer: X-Sum\r\ntransfer-encoding: chunked\r\n/);
    await body.give("hello");
    body.all(new HttpHeaders(["X-Sum", "5"]));
    expect(await connection.until("X-Sum: 5\r\n\r\n")).toBe("5\r\nhello\r\n0\r\nX-Sum: 5\r\n\r\n");
    connection.say(...ok);
    expect(await textOf(result)).toBe("ok");
  });

  test.each([{}, expecting])(
    "defect: a declared but missing trailer counted against the origin",
    async (more) => {
      const headers = { Trailer: "X-Sum", "Content-Length": "5", ...more };
      const { connection, result } = await bench({ body: "hello", headers });
      if ("Expect" in more) connection.say("HTTP/1.1 100 Continue", "", "");
      connection.say(...ok);
      expect(await textOf(result)).toBe("ok");
    },
  );
});
