import { getEventListeners } from "node:events";
import { testAuthority } from "@pagoda/http/testing";
import { ServerCredentials, status } from "@grpc/grpc-js";
import type { Endpoint } from "@pagoda/core";
import { describe, expect, onTestFinished, test } from "vitest";
import { grpcProbe, type GrpcProbeOptions, type GrpcTls, type Probe } from "@pagoda/health";
import { type Check, grpcServer } from "./grpc-server.ts";
import { closedPort, endpoint, http2Server, said, tcpServer } from "./servers.ts";

function probing(port: number, options: Partial<GrpcProbeOptions<Endpoint>> = {}): Probe {
  const probe = grpcProbe({ address: () => ({ host: "127.0.0.1", port }), ...options });
  onTestFinished(() => probe.gone?.(endpoint));
  return probe;
}

const answering =
  (status: number): Check =>
  (_call, answer) =>
    answer(null, status);

describe("grpc-probe, of a gRPC server", () => {
  test.each([
    [1, "well"],
    [0, "UNKNOWN"],
    [2, "NOT_SERVING"],
    [3, "SERVICE_UNKNOWN"],
    [7, "status 7"],
  ])("the answer %d is %s", async (status, reason) => {
    const { port } = await grpcServer(answering(status));
    expect(await said(probing(port))).toBe(reason);
  });

  test.each(["", "shop.v1.Cart", "ä", "long".repeat(60)])("asks for the health of %j", async (service) => {
    let asked: string | undefined;
    const { port } = await grpcServer(({ request }, answer) => {
      asked = request.service;
      answer(null, 1);
    });
    expect(await said(probing(port, { service }))).toBe("well");
    expect(asked).toBe(service);
  });

  test.each([
    [{ code: status.NOT_FOUND, details: "no such service: ä" }, "grpc-status NOT_FOUND: no such service: ä"],
    [{ code: status.UNAVAILABLE, details: "" }, "grpc-status UNAVAILABLE"],
  ])("a status says what it is: %o", async (error, reason) => {
    const { port } = await grpcServer((_call, answer) => answer(error));
    expect(await said(probing(port))).toBe(reason);
  });

  test("a server without a health service is not well", async () => {
    const { port, server } = await grpcServer(answering(1));
    server.unregister("/grpc.health.v1.Health/Check");
    expect(await said(probing(port))).toMatch(/^grpc-status UNIMPLEMENTED/);
  });

  test("one connection is kept, also when the answer is no good one", async () => {
    let status = 1;
    const { port, connections } = await grpcServer((_call, answer) =>
      status > 3 ? answer({ code: status }) : answer(null, status),
    );
    const probe = probing(port);
    const heard: string[] = [];
    for (status of [1, 2, 14, 1]) heard.push(await said(probe));
    expect(heard).toEqual(["well", "NOT_SERVING", expect.stringContaining("UNAVAILABLE"), "well"]);
    expect(connections()).toBe(1);
    probe.gone?.(endpoint);
    expect(await said(probe)).toBe("well");
    expect(connections()).toBe(2);
  });

  test("after a check that was given up it connects anew", async () => {
    const hangs = Promise.withResolvers<void>();
    let isHanging = true;
    const { port, connections } = await grpcServer((_call, answer) => {
      if (isHanging) hangs.resolve();
      else answer(null, 1);
    });
    const probe = probing(port);
    const leaving = new AbortController();
    const result = said(probe, leaving.signal);
    await hangs.promise;
    leaving.abort();
    expect(await result).toBe("local: aborted");
    isHanging = false;
    expect(await said(probe)).toBe("well");
    expect(connections()).toBe(2);
    expect(await said(probe, leaving.signal)).toBe("local: aborted");
  });

  test("a server that comes back is found again", async () => {
    const first = await grpcServer(answering(1));
    let { port } = first;
    const probe = probing(port, { address: () => ({ host: "127.0.0.1", port }) });
    expect(await said(probe)).toBe("well");
    first.server.forceShutdown();
    expect(await said(probe)).not.toBe("well");
    // The address is asked for anew.
    ({ port } = await grpcServer(answering(2)));
    expect(await said(probe)).toBe("NOT_SERVING");
  });

  test("over TLS it trusts whom it is told to, and the certificate must be the host's", async () => {
    const { ca, issue } = testAuthority();
    const { key, certificate } = issue({ names: "DNS:grpc.test,IP:127.0.0.1" });
    const credentials = ServerCredentials.createSsl(null, [
      { private_key: Buffer.from(key), cert_chain: Buffer.from(certificate) },
    ]);
    const { port } = await grpcServer(answering(1), credentials);
    const over = (tls: boolean | GrpcTls): Promise<string> =>
      said(probing(port, { address: () => ({ host: "127.0.0.1", port, tls }) }));
    expect(await over({ ca })).toBe("well");
    expect(await over({ ca, servername: "grpc.test" })).toBe("well");
    expect(await over({ ca, servername: "other.test" })).toBe("cannot connect: ERR_TLS_CERT_ALTNAME_INVALID");
    expect(await over(true)).toMatch(/^cannot connect: (?:UNABLE|SELF|DEPTH)/);
    expect(await over({ verify: false })).toBe("well");
    expect(await over({ ca, sans: [{ dns: "grpc.test" }] })).toBe("well");
    expect(await over({ ca, sans: [{ uri: "spiffe://test/a" }] })).toBe(
      "cannot connect: ERR_TLS_CERT_ALTNAME_INVALID",
    );
  });

  test("over TLS it shows who it is where the server asks", async () => {
    const { ca, issue } = testAuthority();
    const { key, certificate } = issue({ names: "IP:127.0.0.1" });
    const own = issue({ subject: "CN=checker" });
    const pair = { private_key: Buffer.from(key), cert_chain: Buffer.from(certificate) };
    const credentials = ServerCredentials.createSsl(Buffer.from(ca), [pair], true);
    const { port } = await grpcServer(answering(1), credentials);
    const over = (tls: GrpcTls): Promise<string> =>
      said(probing(port, { address: () => ({ host: "127.0.0.1", port, tls }) }));
    expect(await over({ ca, certificate: own.certificate, key: own.key })).toBe("well");
    expect(await over({ ca })).not.toBe("well");
  });
});

describe("grpc-probe, of what is none", () => {
  const grpc = { ":status": 200, "content-type": "application/grpc" };

  test("nobody listens", async () => {
    const port = await closedPort();
    expect(await said(probing(port))).toBe("cannot connect: ECONNREFUSED");
    // Where there is no IPv6 it is another code.
    const overIpv6 = probing(port, { address: () => ({ host: "::1", port }) });
    expect(await said(overIpv6)).toMatch(/^cannot connect: E/);
  });

  test("what listens is no HTTP/2", async () => {
    const port = await tcpServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    expect(await said(probing(port))).toBe("the connection broke: ERR_HTTP2_ERROR");
  });

  test("the connection is closed", async () => {
    const port = await tcpServer((socket) => socket.end());
    expect(await said(probing(port))).toBe("the connection was closed");
  });

  test("it hangs", async () => {
    const connected = Promise.withResolvers<void>();
    const port = await tcpServer(() => connected.resolve());
    const leaving = new AbortController();
    const result = said(probing(port), leaving.signal);
    await connected.promise;
    leaving.abort();
    expect(await result).toBe("local: aborted");
  });

  test.each([
    [0, "reset with NO_ERROR"],
    [2, "reset with INTERNAL_ERROR"],
    [7, "reset with REFUSED_STREAM"],
    [8, "reset with CANCEL"],
    [77, "reset with code 77"],
  ])("the stream is reset with code %d", async (code, reason) => {
    expect(await said(probing(await http2Server((stream) => stream.close(code))))).toBe(reason);
  });

  test("the server takes its leave before it has answered", async () => {
    const port = await http2Server((stream) => {
      stream.session?.goaway(11);
      stream.session?.destroy();
    });
    expect(await said(probing(port))).toBe("GOAWAY with ENHANCE_YOUR_CALM");
  });

  test("one that takes its leave after an answer is connected to anew, and no check fails", async () => {
    let sessions = 0;
    const port = await http2Server(
      (stream) => {
        stream.respond(grpc, { waitForTrailers: true });
        stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
        stream.end(Buffer.from([0, 0, 0, 0, 2, 8, 1]));
        // Before the answer: the stream that is under way goes on.
        stream.session?.goaway(0);
      },
      () => sessions++,
    );
    const probe = probing(port);
    expect([await said(probe), await said(probe), sessions]).toEqual(["well", "well", 2]);
  });

  test.each([
    ["503", { ":status": 503 }, undefined, "HTTP status 503"],
    [
      "a web page",
      { ":status": 200, "content-type": "text/html" },
      undefined,
      "content-type text/html, which is no gRPC",
    ],
    ["no type", { ":status": 200 }, undefined, "content-type none, which is no gRPC"],
    [
      "another type alike",
      { ...grpc, "content-type": "application/grpcx" },
      undefined,
      "content-type application/grpcx, which is no gRPC",
    ],
    ["no status", grpc, {}, "no grpc-status"],
    [
      "a status in the head",
      { ...grpc, "grpc-status": "5", "grpc-message": "100%" },
      undefined,
      "grpc-status NOT_FOUND: 100%",
    ],
    ["an unknown status", grpc, { "grpc-status": "99" }, "grpc-status 99"],
    ["no message", grpc, { "grpc-status": "0" }, "no message"],
  ])("it answers with %s", async (_what, head, trailers, reason) => {
    const port = await http2Server((stream) => {
      if (trailers === undefined) return stream.respond(head, { endStream: true });
      stream.respond(head, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers(trailers));
      return stream.end();
    });
    expect(await said(probing(port))).toBe(reason);
  });

  test("it answers with more than anybody needs", async () => {
    const port = await http2Server((stream) => {
      stream.respond(grpc);
      // And goes on for ever.
      stream.write(Buffer.alloc(5_000));
    });
    expect(await said(probing(port))).toBe("an answer of more than 4096 bytes");
  });

  test("the connection is closed when the endpoint has gone, and nothing listens to the check any more", async () => {
    const closed = Promise.withResolvers<void>();
    const port = await http2Server(
      (stream) => stream.respond({ ...grpc, "grpc-status": "5" }, { endStream: true }),
      (session) => session.on("close", () => closed.resolve()),
    );
    const probe = probing(port);
    const { signal } = new AbortController();
    expect(await said(probe, signal)).toBe("grpc-status NOT_FOUND");
    expect(getEventListeners(signal, "abort")).toEqual([]);
    probe.gone?.(endpoint);
    await closed.promise;
  });

  test("an address that makes no sense is a defect", async () => {
    const broken = probing(1, {
      address: () => {
        throw new Error("no address");
      },
    });
    await expect(broken(endpoint, new AbortController().signal)).rejects.toThrow("no address");
  });
});
