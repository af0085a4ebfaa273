import { createServer } from "node:https";
import type { TLSSocket } from "node:tls";
import { testAuthority } from "@pagoda/http/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { client, faultOf, listen, request, responseOf, textOf, untilIdle } from "./origin.ts";

const authority = testAuthority();
const trusted = { ca: authority.ca, ...authority.issue({ names: "DNS:localhost,IP:127.0.0.1" }) };
const other = testAuthority("other");
const elsewhere = { ca: other.ca, ...other.issue({ names: "DNS:elsewhere.test" }) };

/** An https origin that answers with the request's `Host`. */
async function secureOrigin({ key, certificate }: typeof trusted) {
  const names: (string | false | null)[] = [];
  const protocols: (string | false | null)[] = [];
  let connections = 0;
  const server = createServer(
    { key, cert: certificate, ALPNProtocols: ["h2", "http/1.1"] },
    (message, out) => {
      message.resume().on("end", () => out.end(message.headers.host));
    },
  );
  server.on("secureConnection", (socket: TLSSocket & { servername?: string | false }) => {
    connections++;
    names.push(socket.servername ?? null);
    protocols.push(socket.alpnProtocol);
  });
  server.on("tlsClientError", () => {});
  const url = await listen(server, () => server.closeAllConnections(), "https");
  return {
    url,
    byName: url.replace("127.0.0.1", "localhost"),
    names,
    protocols,
    connections: () => connections,
  };
}

/** The same however the request is sent. */
const both = [
  ["at once", {}],
  ["when asked for", { Expect: "100-continue" }],
] as const;

describe.each(both)("TLS with %s", (_, headers) => {
  const post = (host = "origin.test") => ({
    ...request("POST", "/", { body: "hello", headers }),
    authority: host,
  });

  test("trusts the given authority", async () => {
    const origin = await secureOrigin(trusted);
    for (const ca of [trusted.ca, [elsewhere.ca, trusted.ca]]) {
      expect(await textOf(client(origin.byName, { tls: { ca } }).call(post()))).toBe("origin.test");
    }
  });

  test("rejects an untrusted authority", async () => {
    const origin = await secureOrigin(trusted);
    for (const options of [{}, { tls: { ca: elsewhere.ca } }]) {
      const transport = client(origin.byName, options);
      const fault = await faultOf(transport.call(post()));
      expect(fault).toMatchObject({
        _tag: "ConnectFailed",
        origin: "upstream",
        code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
      });
      await untilIdle(transport);
    }
  });

  test("rejects a certificate for another name", async () => {
    const origin = await secureOrigin(elsewhere);
    for (const url of [origin.url, origin.byName]) {
      const transport = client(url, { tls: { ca: elsewhere.ca } });
      // The authority of the request is irrelevant.
      const fault = await faultOf(transport.call(post("elsewhere.test")));
      expect(fault).toMatchObject({ _tag: "ConnectFailed", code: "ERR_TLS_CERT_ALTNAME_INVALID" });
      await untilIdle(transport);
    }
  });

  test("servername replaces the origin's name", async () => {
    const origin = await secureOrigin(elsewhere);
    const transport = client(origin.url, { tls: { ca: elsewhere.ca, servername: "elsewhere.test" } });
    expect(await textOf(transport.call(post()))).toBe("origin.test");
    expect(origin.names).toEqual(["elsewhere.test"]);
  });

  test("requests for different hosts share a connection with the origin's name", async () => {
    const origin = await secureOrigin(trusted);
    const transport = client(origin.byName, { tls: { ca: trusted.ca } });
    for (const host of ["a.test", "b.test:81", "a.test"]) {
      expect(await textOf(transport.call(post(host)))).toBe(host);
      await untilIdle(transport);
    }
    expect(origin.names).toEqual(["localhost"]);
  });

  test("sends no SNI for an IP address", async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on("warning", onWarning);
    onTestFinished(() => void process.off("warning", onWarning));
    const origin = await secureOrigin(trusted);
    const transport = client(origin.url, { tls: { ca: trusted.ca } });
    expect((await responseOf(transport.call(post()))).status).toBe(200);
    expect(origin.names).toEqual([false]);
    await new Promise((resolve) => process.nextTick(resolve));
    expect(warnings).toEqual([]);
  });

  test("defect: used HTTP/2 with an origin that offers it", async () => {
    const origin = await secureOrigin(trusted);
    const transport = client(origin.byName, { tls: { ca: trusted.ca } });
    expect(await textOf(transport.call(post()))).toBe("origin.test");
    expect(origin.protocols).not.toContain("h2");
  });
});

test.each(["TLSv1.2", "TLSv1.3"] as const)(
  "defect: a rejected client certificate counted as a sent request, with %s",
  async (version) => {
    const authority = testAuthority();
    const { certificate: cert, key } = authority.issue({ names: "IP:127.0.0.1" });
    const tls = { key, cert, ca: authority.ca, requestCert: true, rejectUnauthorized: true };
    const server = createServer({ ...tls, minVersion: version, maxVersion: version }, () => {});
    server.on("tlsClientError", () => {});
    const url = await listen(server, () => server.closeAllConnections(), "https");
    const fault = await faultOf(client(url, { tls: { ca: authority.ca } }).call(request("POST")));
    expect(fault).toMatchObject({ _tag: "ConnectFailed", origin: "upstream", processed: false });
    expect((fault as { readonly code?: string }).code).toMatch(/^ERR_SSL_.*ALERT/);
  },
);
