import { once } from "node:events";
import { constants } from "node:http2";
import { type Body, type HttpRequest, type HttpResponse, httpResponse, text } from "@pagoda/http";
import type { ServeOptions } from "@pagoda/http/server";
import { describe, expect, test } from "vitest";
import { Sink, Source } from "../bodies.ts";
import { answerTo, client } from "./http2-client.ts";
import { eventually, head, served, statuses, Wire } from "./served.ts";

const key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";

/** A server that accepts every tunnel and records the requests. */
async function accepting(options: ServeOptions = {}, fields: Readonly<Record<string, string>> = {}) {
  const asked: HttpRequest[] = [];
  const refused: number[] = [];
  const server = await served(
    async (request): Promise<HttpResponse> => {
      asked.push(request);
      if (request.upgrade !== undefined) return httpResponse(101, new Source(), fields);
      if (request.method === "CONNECT") return httpResponse(200, new Source());
      await request.body.text();
      return text("ordinary");
    },
    { ...options, requestRefused: (status) => void refused.push(status) },
  );
  return { server, asked, refused };
}

const upgrade = (protocols: string, ...more: string[]): string =>
  head("GET /", "Connection: Upgrade", `Upgrade: ${protocols}`, ...more);

async function extended(url: { readonly url: string }, protocol: string) {
  const session = client(url);
  await once(session, "remoteSettings");
  const stream = session.request(
    { ":method": "CONNECT", ":protocol": protocol, ":path": "/" },
    { endStream: false },
  );
  return stream;
}

const http = ["h2c", "H2C", "h2", "h2c-14", "h3", "h3-29", "HTTP/2.0", "http/1.1", "HTTP2", "TLS/1.2", "tls"];

describe("a tunnel for HTTP itself", () => {
  test.each(http)(
    "is not opened for Upgrade: %s, and the request is answered as an ordinary one",
    async (protocol) => {
      const { server, asked } = await accepting();
      const wire = await Wire.to(server, upgrade(protocol));
      expect(statuses(await wire.until("ordinary"))).toEqual([200]);
      expect(asked[0]?.upgrade).toBeUndefined();
    },
  );

  test.each(http)("is refused with 501 for :protocol %s", async (protocol) => {
    const { server, asked, refused } = await accepting();
    const { headers, body } = await answerTo((await extended(server, protocol)).end());
    expect([headers[":status"], body]).toEqual([501, "501 protocol is not enabled\n"]);
    expect([asked, refused]).toEqual([[], [501]]);
  });

  test.each(http)("cannot be enabled: %s", async (protocol) => {
    await expect(accepting({ upgrades: ["websocket", protocol] })).rejects.toThrow(
      `serve: upgrades must be protocols other than HTTP (got "${protocol}")`,
    );
    const { server } = await accepting();
    expect(() => server.update({ upgrades: [protocol] })).toThrow(RangeError);
  });

  test.each(["websocket, h2c", "h2c, websocket", "h2c,WebSocket,h2"])(
    "is dropped from a list of protocols: %s",
    async (protocols) => {
      const { server, asked } = await accepting();
      const wire = await Wire.to(server, upgrade(protocols, key));
      expect(await wire.until("\r\n\r\n")).toMatch(/^HTTP\/1\.1 101 [^]*\r\nupgrade: websocket\r\n/i);
      expect(asked[0]?.upgrade?.toLowerCase()).toBe("websocket");
    },
  );
});

describe("a tunnel opens for enabled protocols only", () => {
  test("websocket by default", async () => {
    const { server, asked } = await accepting();
    const wire = await Wire.to(server, upgrade("shop/1"));
    expect(statuses(await wire.until("ordinary"))).toEqual([200]);
    expect(asked[0]?.upgrade).toBeUndefined();
    expect((await answerTo((await extended(server, "shop/1")).end())).headers[":status"]).toBe(501);
  });

  test("CONNECT if it is listed, although it is not an upgrade", async () => {
    const { server, asked, refused } = await accepting();
    const wire = await Wire.to(server, "CONNECT b:80 HTTP/1.1\r\nHost: b:80\r\n\r\n");
    expect(await wire.rest()).toMatch(/^HTTP\/1\.1 501 [^]*\r\n501 CONNECT is not enabled\n$/);
    const stream = client(server).request({ ":method": "CONNECT", ":authority": "b:80" });
    expect((await answerTo(stream.end())).headers[":status"]).toBe(501);
    expect([asked, refused]).toEqual([[], [501, 501]]);
    server.update({ upgrades: ["connect"] });
    const other = await Wire.to(server, upgrade("connect"));
    expect(statuses(await other.until("ordinary"))).toEqual([200]);
    const further = await Wire.to(server, "CONNECT b:80 HTTP/1.1\r\nHost: b:80\r\n\r\n");
    expect(statuses(await further.until("\r\n\r\n"))).toEqual([200]);
    expect(asked.at(-1)).toMatchObject({ method: "CONNECT", authority: "b:80" });
  });

  test("over both HTTP versions, in any letter case", async () => {
    const { server, asked } = await accepting({ upgrades: ["Shop/1"] });
    const stream = await extended(server, "shop/1");
    const [fields] = (await once(stream, "response")) as [Record<string, unknown>];
    expect(fields[":status"]).toBe(200);
    const wire = await Wire.to(server, upgrade("SHOP/1"));
    expect(await wire.until("\r\n\r\n")).toContain("\r\nupgrade: SHOP/1\r\n");
    expect(asked.map((request) => request.upgrade)).toEqual(["shop/1", "SHOP/1"]);
  });

  test("that the request lists, and the response says which", async () => {
    const { server, asked } = await accepting({ upgrades: ["shop/1", "tcp"] }, { upgrade: "TCP" });
    const wire = await Wire.to(server, upgrade("Shop/1, other, tcp"));
    expect(await wire.until("\r\n\r\n")).toContain("\r\nupgrade: TCP\r\n");
    expect(asked[0]?.upgrade).toBe("Shop/1, tcp");
  });

  test("with any method", async () => {
    const { server, asked } = await accepting({ upgrades: ["tcp"] });
    const fields = ["Connection: Upgrade", "Upgrade: tcp", "Content-Length: 0"];
    const wire = await Wire.to(server, head("POST /attach", ...fields));
    expect(statuses(await wire.until("\r\n\r\n"))).toEqual([101]);
    expect(asked[0]).toMatchObject({ method: "POST", upgrade: "tcp" });
  });
});

describe("an upgrade that is ignored", () => {
  test("keeps the requests behind it, in the same chunk and in later ones", async () => {
    const { server, asked } = await accepting();
    const wire = await Wire.to(server, upgrade("h2c") + head("POST /b", "Content-Length: 2") + "abGET /");
    await eventually(() => asked.length === 2);
    wire.send("c HTTP/1.1\r\nHost: a\r\n\r\n");
    await eventually(() => statuses(wire.text).length === 3);
    wire.send(upgrade("h2c"), head("GET /e", "Connection: close"));
    expect(statuses(await wire.rest())).toEqual([200, 200, 200, 200, 200]);
    expect(asked.map(({ method, path }) => `${method} ${path}`)).toEqual([
      "GET /",
      "POST /b",
      "GET /c",
      "GET /",
      "GET /e",
    ]);
    await eventually(() => server.inFlight === 0 && server.connections === 0);
  });

  test("is answered like any other request if it is pipelined behind others", async () => {
    const { server, asked } = await accepting();
    const last = head("GET /last", "Connection: close");
    const wire = await Wire.to(server, head("GET /a") + upgrade("h2c") + last);
    expect(statuses(await wire.rest())).toEqual([200, 200, 200]);
    expect(asked.map(({ path }) => path)).toEqual(["/a", "/", "/last"]);
  });

  test.each(["Connection: Upgrade, close", "Connection: close,Upgrade"])(
    "with %s closes the connection",
    async (field) => {
      const { server } = await accepting();
      const wire = await Wire.to(server, head("GET /", field, "Upgrade: h2c"));
      expect(await wire.rest()).toMatch(/\r\nconnection: close\r\n/i);
    },
  );

  test("aborts the call when its client disconnects", async () => {
    let signal: AbortSignal | undefined;
    const server = await served((_request, its) => {
      signal = its;
      return new Promise(() => {});
    });
    const wire = await Wire.to(server, upgrade("h2c"));
    await eventually(() => signal !== undefined);
    wire.socket.resetAndDestroy();
    await eventually(() => signal?.aborted === true && server.inFlight === 0);
  });
});

describe("an upgrade with content", () => {
  const fields = ["Connection: Upgrade", "Upgrade: tcp"];
  const request = head("POST /", ...fields, "Content-Length: 2");

  test.each([
    ["with a length", request, "ab"],
    ["in chunks", head("POST /", ...fields, "Transfer-Encoding: chunked"), "2\r\nab\r\n0\r\n\r\n"],
  ])("opens the tunnel behind it, %s, as `docker exec` expects", async (_how, start, content) => {
    const { server, asked } = await accepting({ upgrades: ["tcp"] });
    const wire = await Wire.to(server, start, `${content}tunnel`);
    expect(statuses(await wire.until("\r\n\r\n"))).toEqual([101]);
    expect(asked).toMatchObject([{ method: "POST", upgrade: "tcp" }]);
    expect(await asked[0]?.upgradeContent?.text()).toMatchObject({ right: "ab" });
    const body = Sink.on(asked[0]?.body as Body);
    wire.send(" and more");
    wire.socket.end();
    await eventually(() => body.ends.length > 0);
    expect([Buffer.concat(body.chunks).toString(), body.ends]).toEqual(["tunnel and more", ["end"]]);
  });

  test("that is refused gets an ordinary response, the last on its connection", async () => {
    const server = await served(() => text("no", 401), { upgrades: ["tcp"] });
    const wire = await Wire.to(server, request, "ab", head("GET /next"));
    expect(await wire.rest()).toMatch(/^HTTP\/1\.1 401 [^]*\r\nconnection: close\r\n[^]*no$/i);
    expect(statuses(wire.text)).toEqual([401]);
  });

  test("that breaks off breaks both bodies", async () => {
    const sinks: Sink[] = [];
    const server = await served(
      ({ body, upgradeContent }) => {
        sinks.push(Sink.on(body), Sink.on(upgradeContent as Body));
        return new Promise(() => {});
      },
      { upgrades: ["tcp"] },
    );
    const wire = await Wire.to(server, request, "a");
    await eventually(() => sinks.length > 0);
    wire.socket.destroy();
    await eventually(() => server.inFlight === 0);
    expect(sinks.map(({ ends }) => ends)).toEqual([["fail"], ["fail"]]);
  });

  test("with malformed content gets 400", async () => {
    const server = await served(() => new Promise(() => {}), { upgrades: ["tcp"] });
    const wire = await Wire.to(server, head("POST /", ...fields, "Transfer-Encoding: chunked"), "zz\r\n");
    expect(statuses(await wire.rest())).toEqual([400]);
  });

  test("to a protocol that is not enabled is an ordinary request", async () => {
    const { server, asked } = await accepting();
    const wire = await Wire.to(server, request, "ab", head("GET /next", "Connection: close"));
    expect(statuses(await wire.rest())).toEqual([200, 200]);
    expect(asked[0]).toMatchObject({ upgrade: undefined, upgradeContent: undefined, body: { length: 2 } });
  });
});

describe("a WebSocket", () => {
  test.each([
    ["without a key", []],
    ["with two keys", [key, key]],
  ])("%s is refused with 400 before it reaches the stack", async (_name, keys) => {
    const { server, asked, refused } = await accepting();
    const wire = await Wire.to(server, upgrade("websocket", ...keys));
    expect(await wire.rest()).toMatch(/^HTTP\/1\.1 400 [^]*400 exactly one Sec-WebSocket-Key is required\n$/);
    expect([asked, refused]).toEqual([[], [400]]);
  });
});

test("defect: a client that reset its tunnel right after it had sent data seemed to end it", async () => {
  const { server, asked } = await accepting({ upgrades: ["tcp"] });
  const wire = await Wire.to(server, upgrade("tcp"));
  await wire.until("\r\n\r\n");
  const body = Sink.on(asked[0]?.body as Body);
  wire.send("a");
  wire.socket.resetAndDestroy();
  await eventually(() => server.connections === 0);
  expect(body.ends).toEqual(["fail"]);
});

describe("a client that disconnects while its tunnel is being opened", () => {
  test.each(["closes", "resets"] as const)("and %s aborts the call", async (how) => {
    let signal: AbortSignal | undefined;
    const server = await served((_request, its) => {
      signal = its;
      return new Promise(() => {});
    });
    const wire = await Wire.to(server, upgrade("websocket", key));
    await eventually(() => signal !== undefined);
    if (how === "closes") wire.socket.end();
    else wire.socket.resetAndDestroy();
    await eventually(() => signal?.aborted === true && server.connections === 0);
    expect(server.inFlight).toBe(0);
  });

  test("over HTTP/2 aborts the call, too", async () => {
    let signal: AbortSignal | undefined;
    const server = await served((_request, its) => {
      signal = its;
      return new Promise(() => {});
    });
    const stream = await extended(server, "websocket");
    stream.on("error", () => {});
    await eventually(() => signal !== undefined);
    stream.close(constants.NGHTTP2_CANCEL);
    await eventually(() => signal?.aborted === true && server.inFlight === 0);
  });

  test("is told apart from one that sends data and half-closes", async () => {
    const answer = Promise.withResolvers<HttpResponse>();
    let request: HttpRequest | undefined;
    const server = await served((got) => {
      request = got;
      return answer.promise;
    });
    const wire = await Wire.to(server, upgrade("websocket", key), "early");
    wire.socket.allowHalfOpen = true;
    wire.socket.end(" words");
    await eventually(() => request !== undefined);
    const source = new Source();
    answer.resolve(httpResponse(101, source));
    await wire.until("\r\n\r\n");
    expect(await request?.body.text()).toMatchObject({ right: "early words" });
    source.write("still there");
    await wire.until("still there");
  });
});
