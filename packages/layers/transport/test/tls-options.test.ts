import { createSecureServer, type ServerHttp2Stream } from "node:http2";
import { createServer } from "node:https";
import type { TLSSocket, TlsOptions as ServerOptions } from "node:tls";
import { testAuthority } from "@pagoda/http/testing";
import { transport, type TlsOptions } from "@pagoda/transport";
import { describe, expect, test } from "vitest";
import { tlsOptions } from "../src/tls-options.ts";
import { client, faultOf, listen, request, textOf } from "./origin.ts";

const authority = testAuthority();
const origin = authority.issue({ names: "DNS:localhost,IP:127.0.0.1" });
const callers = testAuthority();
const own = callers.issue({ names: "DNS:caller.test" });
const { ca } = authority;
const show: TlsOptions = { certificate: own.certificate, key: own.key };

/** Answers with the name in the client certificate and the TLS version. */
async function asking(options: ServerOptions, protocol: "http1" | "http2") {
  const given = { key: origin.key, cert: origin.certificate, ...options };
  const said = (socket: TLSSocket): string =>
    `${socket.getPeerCertificate().subjectaltname ?? "none"} over ${socket.getProtocol()}`;
  if (protocol === "http1") {
    const server = createServer(given, (message, out) => out.end(said(message.socket as TLSSocket)));
    server.on("tlsClientError", () => {});
    return listen(server, () => server.closeAllConnections(), "https");
  }
  const sessions = new Set<{ destroy(): void }>();
  const server = createSecureServer(given);
  server.on("tlsClientError", () => {}).on("sessionError", () => {});
  server.on("session", (session) => sessions.add(session));
  server.on("stream", (stream: ServerHttp2Stream) => {
    stream.respond({ ":status": 200 });
    stream.end(said(stream.session?.socket as TLSSocket));
  });
  return listen(server, () => sessions.forEach((session) => session.destroy()), "https");
}

const required: ServerOptions = { ca: callers.ca, requestCert: true, rejectUnauthorized: true };

describe.each(["http1", "http2"] as const)("over %s", (protocol) => {
  const calling = (url: string, tls: TlsOptions) => client(url, { protocol, tls }).call(request());

  test("sends the client certificate on request", async () => {
    const url = await asking(required, protocol);
    expect(await textOf(calling(url, { ca, ...show }))).toContain("DNS:caller.test");
  });

  test("an origin that requires a certificate refuses a missing or untrusted one", async () => {
    const url = await asking(required, protocol);
    const other = testAuthority().issue({ names: "DNS:caller.test" });
    for (const tls of [{ ca }, { ca, certificate: other.certificate, key: other.key }]) {
      // With TLS 1.3 the connection is established before the origin checks the certificate.
      expect(await faultOf(calling(url, tls))).toMatchObject({ origin: "upstream", retryable: true });
    }
  });

  test("calls an untrusted origin only with verify: false", async () => {
    const url = await asking({}, protocol);
    for (const tls of [{}, { verify: true }]) {
      expect(await faultOf(calling(url, tls))).toMatchObject({
        _tag: "ConnectFailed",
        code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
      });
    }
    expect(await textOf(calling(url, { verify: false }))).toContain("none");
    expect(await textOf(calling(url, { verify: false, servername: "elsewhere.test" }))).toContain("none");
  });

  test("sans are checked instead of the host", async () => {
    const orders = authority.issue({ names: "URI:spiffe://mesh/sa/orders,DNS:orders.internal" });
    const url = await asking({ key: orders.key, cert: orders.certificate }, protocol);
    const invalid = { _tag: "ConnectFailed", origin: "upstream", code: "ERR_TLS_CERT_ALTNAME_INVALID" };
    expect(await faultOf(calling(url, { ca }))).toMatchObject(invalid);
    for (const sans of [
      [{ uri: "spiffe://mesh/sa/orders" }],
      [{ uri: "spiffe://mesh/*" }],
      [{ uri: "spiffe://mesh/sa/cart" }, { dns: "orders.internal" }],
    ])
      expect([sans, await textOf(calling(url, { ca, sans }))]).toEqual([sans, expect.any(String)]);
    expect(await faultOf(calling(url, { ca, sans: [{ uri: "spiffe://mesh/sa/cart" }] }))).toMatchObject({
      ...invalid,
      cause: { message: expect.stringContaining("got URI:spiffe://mesh/sa/orders, DNS:orders.internal") },
    });
    // A name in an untrusted certificate does not count.
    const stranger = testAuthority().issue({ names: "URI:spiffe://mesh/sa/orders" });
    const pretending = await asking({ key: stranger.key, cert: stranger.certificate }, protocol);
    const sans = [{ uri: "spiffe://mesh/sa/orders" }];
    expect(await faultOf(calling(pretending, { ca, sans }))).toMatchObject({
      code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    });
  });

  test("refuses an origin below minVersion", async () => {
    const url = await asking({ maxVersion: "TLSv1.2" }, protocol);
    expect(await textOf(calling(url, { ca }))).toContain("over TLSv1.2");
    expect(await textOf(calling(url, { ca, minVersion: "TLSv1.2" }))).toContain("over TLSv1.2");
    expect(await faultOf(calling(url, { ca, minVersion: "TLSv1.3" }))).toMatchObject({
      _tag: "ConnectFailed",
      code: "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION",
    });
    const newer = await asking({}, protocol);
    expect(await textOf(calling(newer, { ca, minVersion: "TLSv1.3" }))).toContain("over TLSv1.3");
  });
});

describe("rejects when the transport is created:", () => {
  const pemOf = "which begins with -----BEGIN CERTIFICATE-----";
  const broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  test.each<[what: string, tls: TlsOptions, message: string]>([
    [
      "a certificate alone",
      { certificate: own.certificate },
      "tls.key must be given together with tls.certificate (missing)",
    ],
    ["a key alone", { key: own.key }, "tls.certificate must be given together with tls.key (missing)"],
    [
      "an invalid certificate",
      { ...show, certificate: "?" },
      `tls.certificate must be a certificate in PEM, ${pemOf} (value not shown)`,
    ],
    [
      "a key as certificate",
      { ...show, certificate: own.key },
      `tls.certificate must be a certificate in PEM, ${pemOf} (value not shown)`,
    ],
    [
      "a broken certificate",
      { ...show, certificate: broken },
      "tls.certificate must be a certificate that can be read (value not shown)",
    ],
    [
      "a broken certificate in the chain",
      { ...show, certificate: own.certificate + broken },
      "certificate 2 of 2 in tls.certificate must be a certificate that can be read (value not shown)",
    ],
    [
      "an invalid key",
      { ...show, key: "?" },
      "tls.key must be a private key in PEM without a passphrase (value not shown)",
    ],
    [
      "a certificate as key",
      { ...show, key: own.certificate },
      "tls.key must be a private key in PEM without a passphrase (value not shown)",
    ],
    [
      "a key of another certificate",
      { ...show, key: origin.key },
      "tls.key must be the key of tls.certificate (value not shown)",
    ],
    ["an invalid authority", { ca: "?" }, `tls.ca must be a certificate in PEM, ${pemOf} (value not shown)`],
    [
      "an invalid authority in a list",
      { ca: [ca, ""] },
      `tls.ca[1] must be a certificate in PEM, ${pemOf} (value not shown)`,
    ],
    [
      "a broken authority",
      { ca: ca + broken },
      "certificate 2 of 2 in tls.ca must be a certificate that can be read (value not shown)",
    ],
    ["an empty list of names", { sans: [] }, "tls.sans must be a list with at least one entry (got [])"],
    [
      "an invalid name",
      { sans: [{ dns: "a" }, { uri: "a*b" }] },
      'tls.sans[1] must be { uri } or { dns }, with a * at most as its first or last character (got {"uri":"a*b"})',
    ],
    [
      "names without verification",
      { sans: [{ dns: "a" }], verify: false },
      "tls.verify must be true if tls.sans are given (got false)",
    ],
    ["verify", { verify: "no" as never }, 'tls.verify must be true or false (got "no")'],
    [
      "minVersion",
      { minVersion: "TLSv1" as never },
      'tls.minVersion must be "TLSv1.2" or "TLSv1.3" (got "TLSv1")',
    ],
  ])("%s", (_, tls, message) => {
    for (const url of ["https://localhost", "http://localhost"])
      expect(() => transport(url, { tls })).toThrow(new RangeError(`transport: ${message}`));
  });

  test("without any part of a key in the message", () => {
    const secret = own.key.split("\n")[1] as string;
    const refusal = (key: string): string => {
      try {
        transport("https://localhost", { tls: { ...show, key } });
        return "taken";
      } catch (error) {
        return String(error);
      }
    };
    for (const key of [own.key.replace("END", "E N D"), origin.key, own.key.slice(0, 90)]) {
      expect(refusal(key)).toMatch(/^RangeError: transport: tls\.key must be .* \(value not shown\)$/);
      expect(refusal(key)).not.toContain(secret.slice(0, 16));
    }
  });

  test.each(["ca", "certificate"])("without any part of a key given as %s in the message", (option) => {
    const tls = { ...show, [option]: own.key };
    expect(() => transport("https://localhost", { tls })).toThrow(
      /must be a certificate .* \(value not shown\)$/,
    );
  });

  test("nothing that can be read", () => {
    for (const tls of [
      show,
      { ca: [ca, callers.ca] },
      { ca: `a comment\n${ca}${callers.ca}` },
      { verify: false },
    ])
      expect(() => transport("https://localhost", { tls })).not.toThrow();
  });
});

test("certificates are parsed once for endpoints with the same options", () => {
  const options = { ca, certificate: own.certificate, key: own.key };
  const { secureContext } = tlsOptions("a.test", options);
  expect(tlsOptions("b.test", { ...options }).secureContext).toBe(secureContext);
  expect(tlsOptions("b.test", { ca }).secureContext).not.toBe(secureContext);
  expect(tlsOptions("b.test", { ...options, minVersion: "TLSv1.3" }).secureContext).not.toBe(secureContext);
  expect(tlsOptions("b.test", { ...options, ca: callers.ca }).secureContext).not.toBe(secureContext);
  expect(() => tlsOptions("b.test", { ...options, key: origin.key })).toThrow(RangeError);
});
