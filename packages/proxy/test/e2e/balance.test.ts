import { createServer as createTlsServer } from "node:https";
import { TLSSocket } from "node:tls";
import { testAuthority } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import { bodies, call } from "./client.ts";
import { configured, Folder, through } from "./configured.ts";
import { Arrivals, held, type Held, listen, named, type Origin, origin } from "./origin.ts";
import { until } from "./program.ts";

describe("balance", () => {
  test("by weight", async () => {
    await using one = await named("one");
    await using two = await named("two");
    using folder = new Folder();
    const endpoints = [
      { url: one.url, weight: 3 },
      { url: two.url, weight: 1 },
    ];
    await using pagoda = await configured(folder, through({ endpoints, balance: "weighted-round-robin" }));
    const seen = await bodies(pagoda.url, 40);
    expect(seen.filter((body) => body === "one")).toHaveLength(30);
  });

  test.each(["ring-hash", "maglev"])(
    "%s sends a key to one endpoint, and keys to all of them",
    async (strategy) => {
      await using one = await named("one");
      await using two = await named("two");
      using folder = new Folder();
      const balance = { strategy, key: { header: "x-session" } };
      await using pagoda = await configured(folder, through({ endpoints: [one.url, two.url], balance }));
      const all = new Set<string>();
      for (let session = 0; session < 20; session++) {
        const seen = new Set(await bodies(pagoda.url, 3, { "x-session": `${session}` }));
        expect(seen.size).toBe(1);
        for (const body of seen) all.add(body);
      }
      expect(all).toEqual(new Set(["one", "two"]));
    },
  );

  test.each(["least-request", "peak-ewma"])("%s leaves alone an endpoint that is busy", async (balance) => {
    const arrivals = new Arrivals<Held>();
    await using busy = await held(arrivals);
    await using free = await named("free");
    using folder = new Folder();
    await using pagoda = await configured(folder, through({ endpoints: [busy.url, free.url], balance }));
    const waiting: Promise<unknown>[] = [];
    let isHeld = false;
    const arrived = arrivals.next().then((first) => {
      isHeld = true;
      return first;
    });
    while (!isHeld) {
      const one = call(pagoda.url, { agent: false });
      waiting.push(one);
      await Promise.race([one, arrived]);
    }
    expect(await bodies(pagoda.url, 10)).toEqual(Array.from({ length: 10 }, () => "free"));
    (await arrived).response.end("busy");
    await Promise.all(waiting);
  });
});

describe("endpoints", () => {
  test("come from a file, and follow it as it changes", async () => {
    await using one = await named("one");
    await using two = await named("two");
    using folder = new Folder();
    const entry = ({ url }: Origin): object => ({ key: url });
    folder.write("shop.json", [entry(one)]);
    await using pagoda = await configured(folder, through({ file: "shop.json" }));
    expect(await bodies(pagoda.url, 2)).toEqual(["one", "one"]);
    folder.write("shop.json", [entry(one), entry(two)]);
    await until(
      () => bodies(pagoda.url, 4),
      (seen) => seen.includes("two"),
    );
  });

  test("that fail more often than the others are ejected, and the clients hear little of it", async () => {
    await using bad = await origin((_message, out) => out.writeHead(500).end("bad"));
    await using good = await named("good");
    using folder = new Folder();
    const cluster = {
      endpoints: [bad.url, good.url],
      outliers: { consecutiveFailures: 3, ejection: "1h", maxEjection: "1h" },
    };
    await using pagoda = await configured(folder, through(cluster));
    await bodies(pagoda.url, 6);
    await pagoda.log("endpoint ejected");
    expect(await bodies(pagoda.url, 6)).toEqual(Array.from({ length: 6 }, () => "good"));
    expect((await pagoda.admin("/clusters")).text).toMatch(/"healthy":false,"why":"[^"]*eject/);
  });

  test("that ask for a certificate get one, and only those that are trusted get a call", async () => {
    const authority = testAuthority();
    const own = authority.issue({ subject: "CN=pagoda", names: "URI:spiffe://test/pagoda" });
    const server = authority.issue({ names: "IP:127.0.0.1" });
    const options = { cert: server.certificate, key: server.key, ca: authority.ca, requestCert: true };
    await using upstream = await listen(
      createTlsServer(options, ({ socket }, out) => {
        if (!(socket instanceof TLSSocket)) return void out.end("no TLS");
        out.end(String(socket.getPeerCertificate().subject.CN));
      }),
      0,
      "https",
    );
    using folder = new Folder();
    folder.write("ca.pem", authority.ca);
    folder.write("own.pem", own.certificate);
    folder.write("own.key", own.key);
    const tls = { ca: "ca.pem", certificate: "own.pem", key: "own.key" };
    await using pagoda = await configured(folder, through({ endpoints: [upstream.url], tls }));
    expect((await call(pagoda.url)).body).toBe("pagoda");
    using other = new Folder();
    await using careless = await configured(
      other,
      through({ endpoints: [upstream.url], tls: { verify: false } }),
    );
    expect((await call(careless.url)).status).toBe(502);
  });
});
