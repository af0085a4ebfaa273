import { createServer, type ServerOptions } from "node:https";
import { expect, test } from "vitest";
import { authority, certified, shop } from "./certified.ts";
import { call } from "./client.ts";
import { anywhere, configured } from "./configured.ts";
import { listen, named } from "./origin.ts";
import { run, until } from "./program.ts";

test("pagoda why names what is wrong with the TLS of an origin, and what to do", async () => {
  using folder = certified();
  const serve = ({ certificate: cert, key }: typeof shop, options: ServerOptions = {}) =>
    listen(
      createServer({ cert, key, ...options }, (_request, response) => response.end()),
      0,
      "https",
    );
  await using foreign = await serve(authority.issue({ subject: "CN=foreign", names: "DNS:foreign.test" }));
  await using nameless = await serve(authority.issue({ subject: "CN=nameless" }));
  await using expired = await serve(authority.issue({ names: "IP:127.0.0.1", days: 0 }));
  await using trusted = await serve(shop);
  await using old = await serve(shop, { maxVersion: "TLSv1.1", minVersion: "TLSv1" });
  await using closed = await serve(shop, { ca: authority.ca, requestCert: true, rejectUnauthorized: true });
  await using plain = await named("plain");
  const tls = { ca: "ca.pem" };
  const clusters = {
    foreign: { endpoints: [foreign.url], tls },
    nameless: { endpoints: [nameless.url], tls },
    expired: { endpoints: [expired.url], tls },
    untrusted: { endpoints: [trusted.url] },
    old: { endpoints: [old.url], tls },
    closed: { endpoints: [closed.url], tls },
    plain: { endpoints: [plain.url.replace("http:", "https:")], tls },
  };
  const routes = Object.keys(clusters).map((cluster) => ({
    name: cluster,
    match: { path: { prefix: `/${cluster}` } },
    cluster,
  }));
  const listeners = [{ ...anywhere, name: "main", routes }];
  await using pagoda = await configured(folder, { listeners, clusters });
  const why = async (route: string): Promise<string> => {
    expect((await call(`${pagoda.url}/${route}`)).status).toBe(502);
    const { output } = await until(
      () => run({}, "why", "--admin", pagoda.adminUrl, "--last", "--route", route),
      ({ code }) => code === 0,
    );
    return output;
  };
  const other = "the certificate does not name 127.0.0.1: it names";
  for (const [route, said, hint] of [
    [
      "foreign",
      `${other} DNS:foreign.test\n`,
      "the origin's certificate is for another name: `tls.servername`",
    ],
    ["nameless", `${other} nothing but CN=nameless\n`, "the origin's certificate is for another name"],
    [
      "expired",
      "certificate has expired\n",
      "the origin's certificate, or one of the authorities above it, has",
    ],
    ["untrusted", "unable to verify the first certificate", "the proxy does not trust who issued"],
    ["old", "ConnectFailed: ", "the origin and the proxy have no TLS version in common"],
    [
      "closed",
      "certificate required",
      "the origin refused the handshake, for example because it wants a client",
    ],
    ["plain", "ConnectFailed: ", "the origin does not speak TLS at this port"],
  ] as const) {
    const text = await why(route);
    expect(text).toContain(said);
    expect(text).toContain(`\nhint: ${hint}`);
    expect(text).not.toContain("is it running?");
  }
});
