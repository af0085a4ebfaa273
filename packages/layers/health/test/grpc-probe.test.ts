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

describe("grpcProbe of a gRPC server", () => {
  test.each([
    [1, "well"],
    [0, "UNKNOWN"],
    [2, "NOT_SERVING"],
    [3, "SERVICE_UNKNOWN"],
    [7, "status 7"],
  ])("status %d is reported as %s", async (status, reason) => {
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
  ])("reports code and message of a grpc-status: %o", async (error, reason) => {
    const { port } = await grpcServer((_call, answer) => answer(error));
    expect(await said(probing(port))).toBe(reason);
  });

  test("a server without a health service fails", async () => {
    const { port, server } = await grpcServer(answering(1));
    server.unregister("/grpc.health.v1.Health/Check");
    expect(await said(probing(port))).toMatch(/^grpc-status UNIMPLEMENTED/);
  });

  test("one connection is kept, also after a failing status", async () => {
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

  test("reconnects after an aborted check", async () => {
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

  test("reconnects to a restarted server", async () => {
    const first = await grpcServer(answering(1));
    let { port } = first;
    const probe = probing(port, { address: () => ({ host: "127.0.0.1", port }) });
    expect(await said(probe)).toBe("well");
    first.server.forceShutdown();
    expect(await said(probe)).not.toBe("well");
    // `address` is called again.
    ({ port } = await grpcServer(answering(2)));
    expect(await said(probe)).toBe("NOT_SERVING");
  });

  test("over TLS it trusts the given authorities and verifies the host", async () => {
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

  test("over TLS it sends a client certificate if requested", async () => {
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

describe("grpcProbe of anything else", () => {
  const grpc = { ":status": 200, "content-type": "application/grpc" };

  test("nothing listens on the port", async () => {
    const port = await closedPort();
    expect(await said(probing(port))).toBe("cannot connect: ECONNREFUSED");
    // Without IPv6 the code differs.
    const overIpv6 = probing(port, { address: () => ({ host: "::1", port }) });
    expect(await said(overIpv6)).toMatch(/^cannot connect: E/);
  });

  test("the server does not speak HTTP/2", async () => {
    const port = await tcpServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    expect(await said(probing(port))).toBe("connection failed: ERR_HTTP2_ERROR");
  });

  test("the server closes the connection", async () => {
    const port = await tcpServer((socket) => socket.end());
    expect(await said(probing(port))).toBe("connection closed");
  });

  test("the server hangs", async () => {
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

  test("the server sends GOAWAY before it answers", async () => {
    const port = await http2Server((stream) => {
      stream.session?.goaway(11);
      stream.session?.destroy();
    });
    expect(await said(probing(port))).toBe("GOAWAY with ENHANCE_YOUR_CALM");
  });

  test("reconnects after a GOAWAY that follows an answer, and no check fails", async () => {
    let sessions = 0;
    const port = await http2Server(
      (stream) => {
        stream.respond(grpc, { waitForTrailers: true });
        stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
        stream.end(Buffer.from([0, 0, 0, 0, 2, 8, 1]));
        // Before the answer: the open stream continues.
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
      "content-type text/html is not gRPC",
    ],
    ["no content-type", { ":status": 200 }, undefined, "content-type none is not gRPC"],
    [
      "a similar type",
      { ...grpc, "content-type": "application/grpcx" },
      undefined,
      "content-type application/grpcx is not gRPC",
    ],
    ["no status", grpc, {}, "no grpc-status"],
    [
      "a status in the headers",
      { ...grpc, "grpc-status": "5", "grpc-message": "100%" },
      undefined,
      "grpc-status NOT_FOUND: 100%",
    ],
    ["an unknown status", grpc, { "grpc-status": "99" }, "grpc-status 99"],
    ["no message", grpc, { "grpc-status": "0" }, "no message"],
  ])("the server answers with %s", async (_what, head, trailers, reason) => {
    const port = await http2Server((stream) => {
      if (trailers === undefined) return stream.respond(head, { endStream: true });
      stream.respond(head, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers(trailers));
      return stream.end();
    });
    expect(await said(probing(port))).toBe(reason);
  });

  test("the response exceeds the size limit", async () => {
    const port = await http2Server((stream) => {
      stream.respond(grpc);
      // And never ends.
      stream.write(Buffer.alloc(5_000));
    });
    expect(await said(probing(port))).toBe("response exceeds 4096 bytes");
  });

  test("removing the endpoint closes the connection and leaves no abort listener", async () => {
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

  test("an invalid address is a defect", async () => {
    const broken = probing(1, {
      address: () => {
        throw new Error("no address");
      },
    });
    await expect(broken(endpoint, new AbortController().signal)).rejects.toThrow("no address");
  });
});
