import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:http2";
import { testAuthority } from "@pagoda/http/testing";
import { expect, test } from "vitest";
import { authority, certified, curled, tls } from "./certified.ts";
import { anywhere, configured, says, through } from "./configured.ts";
import { origin } from "./origin.ts";
import { until } from "./program.ts";
import { execute, needs } from "./system.ts";

needs("curl", "openssl");

test("the TLS version is at least 1.2 and the configured minimum", async () => {
  await using upstream = await origin((_message, out) => out.end("yes"));
  using folder = certified();
  const strict = { ...tls, minVersion: "TLSv1.3" };
  await using pagoda = await configured(folder, through({ endpoints: [upstream.url] }, { tls: strict }));
  const { host } = new URL(pagoda.url);
  const handshake = async (...args: readonly string[]): Promise<string> => {
    const { stdout, stderr } = await execute(
      "openssl",
      ["s_client", "-connect", host, "-CAfile", folder.file("ca.pem"), ...args],
      { input: Buffer.from("Q\n") },
    );
    return stdout.toString() + stderr;
  };
  expect(await handshake("-tls1_3")).toContain("Verify return code: 0 (ok)");
  expect(await handshake("-tls1_2")).toMatch(/alert protocol version/);
});

test("the certificate is chosen by server name (SNI)", async () => {
  const other = authority.issue({ subject: "CN=other", names: "DNS:other.test" });
  using folder = certified();
  folder.write("other.pem", other.certificate);
  folder.write("other.key", other.key);
  const both = { certificates: [...tls.certificates, { certificate: "other.pem", key: "other.key" }] };
  await using upstream = await origin((_message, out) => out.end("yes"));
  await using pagoda = await configured(folder, through({ endpoints: [upstream.url] }, { tls: both }));
  const { host } = new URL(pagoda.url);
  for (const [name, subject] of [
    ["shop.test", "shop"],
    ["other.test", "other"],
    ["unknown.test", "shop"],
  ] as const) {
    const { stdout } = await execute("openssl", ["s_client", "-connect", host, "-servername", name], {
      input: Buffer.from("Q\n"),
    });
    expect(stdout.toString()).toMatch(new RegExp(`subject=CN ?= ?${subject}\n`));
  }
});

test("client certificates are verified, and rules match their identities", async () => {
  await using upstream = await origin(({ headers }, out) =>
    out.end(String(headers["x-forwarded-client-cert"])),
  );
  using folder = certified();
  const mutual = { ...tls, clients: { ca: "ca.pem", required: false } };
  const authorize = {
    rules: [{ name: "cart", effect: "allow", from: { identities: ["spiffe://test/cart"] } }],
  };
  const config = through({ endpoints: [upstream.url] }, { tls: mutual, policies: { authorize } });
  await using pagoda = await configured(folder, config);
  const ca = ["--cacert", folder.file("ca.pem")];
  const shown = ["--cert", folder.file("cart.pem"), "--key", folder.file("cart.key")];
  for (const http of ["--http1.1", "--http2"]) {
    expect(await curled(http, ...ca, ...shown, pagoda.url)).toMatch(
      /^Hash=[\da-f]{64};Subject="CN=cart";URI=spiffe:\/\/test\/cart /,
    );
    expect(await curled(http, ...ca, pagoda.url)).toMatch(/^403 access denied/);
  }
  expect(await pagoda.metric("stack_events_total", { layer: "authorize", event: "denied" })).toBe(2);
  const stranger = testAuthority("stranger").issue();
  folder.write("stranger.pem", stranger.certificate);
  folder.write("stranger.key", stranger.key);
  const unknown = ["--cert", folder.file("stranger.pem"), "--key", folder.file("stranger.key")];
  await expect(curled(...ca, ...unknown, pagoda.url)).rejects.toThrow(/curl ended with/);
  expect(await pagoda.metric("tls_handshakes_failed_total")).toBe(1);
});

test("routes and limits use the client's certificate, which no header can forge", async () => {
  using folder = certified();
  const named = "x-forwarded-client-cert";
  const config = {
    listeners: [
      {
        ...anywhere,
        name: "main",
        tls: { ...tls, clients: { ca: "ca.pem", required: false } },
        policies: { rateLimit: { perClient: { rate: "1/h", burst: 2, by: "identity" } } },
        routes: [
          {
            ...says("to the cart", "cart"),
            match: { headers: [{ name: named, contains: "URI=spiffe://test/cart" }] },
          },
          says("to others", "others"),
        ],
      },
    ],
  };
  await using pagoda = await configured(folder, config);
  const shown = ["--cert", folder.file("cart.pem"), "--key", folder.file("cart.key")];
  const ask = (...args: readonly string[]): Promise<string> =>
    curled("--cacert", folder.file("ca.pem"), ...args, pagoda.url);
  const claimed = ["-H", `${named}: URI=spiffe://test/cart`];
  expect(await ask(...claimed)).toMatch(/^to others/);
  expect(await ask(...shown)).toMatch(/^to the cart/);
  expect(await ask(...shown)).toMatch(/^to the cart/);
  expect(await ask(...shown)).toMatch(/^429/);
  // Another client, by its address.
  expect(await ask()).toMatch(/^to others/);
});

test("a certificate replaced on disk is served to new connections, and open ones stay", async () => {
  await using upstream = await origin((_message, out) => out.end("yes"));
  using folder = certified();
  await using pagoda = await configured(folder, through({ endpoints: [upstream.url] }, { tls }));
  const subject = async (): Promise<string> => {
    const { stdout } = await execute("openssl", ["s_client", "-connect", new URL(pagoda.url).host], {
      input: Buffer.from("Q\n"),
    });
    return /subject=CN ?= ?(\w+)/.exec(stdout.toString())?.[1] ?? "none";
  };
  const old = connect(pagoda.url, { ca: authority.ca });
  await once(old, "connect");
  expect(await subject()).toBe("shop");
  const later = authority.issue({ subject: "CN=later", names: "DNS:shop.test,IP:127.0.0.1" });
  folder.write("shop.pem", later.certificate);
  folder.write("shop.key", later.key);
  await pagoda.log("configuration applied");
  expect(await subject()).toBe("later");
  const stream = old.request({ ":path": "/" });
  expect(Buffer.concat(await stream.toArray()).toString()).toBe("yes");
  old.close();
});

test("an expired certificate is served and logged until it is replaced", async () => {
  using folder = certified();
  const names = "IP:127.0.0.1";
  const ended = authority.issue({ names, days: 0 });
  folder.write("shop.pem", ended.certificate);
  folder.write("shop.key", ended.key);
  const listener = { ...anywhere, name: "main", tls, routes: [says("yes")] };
  await using pagoda = await configured(folder, { listeners: [listener] });
  expect(await pagoda.log("the certificate has ended")).toMatchObject({ level: 50, file: "shop.pem" });
  const ask = (): Promise<string> => curled("--cacert", folder.file("ca.pem"), pagoda.url);
  await expect(ask()).rejects.toThrow("certificate has expired");
  const failed = { listener: "main", reason: "ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_EXPIRED" };
  await until(
    () => pagoda.metric("tls_handshakes_failed_total", failed),
    (count) => count === 1,
  );
  const ends = (): Promise<number> =>
    pagoda.metric("pagoda_certificate_not_after_timestamp_seconds", { file: "shop.pem" });
  const before = await ends();
  expect(before).toBe(Date.parse(new X509Certificate(ended.certificate).validTo) / 1_000);
  const renewed = authority.issue({ names, days: 1 });
  folder.write("shop.pem", renewed.certificate);
  folder.write("shop.key", renewed.key);
  await pagoda.log("configuration applied");
  expect(await ask()).toBe("yes 2");
  expect((await ends()) - before).toBeGreaterThanOrEqual(86_400);
});
