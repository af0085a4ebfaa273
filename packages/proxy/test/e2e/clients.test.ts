import { describe, expect, test } from "vitest";
import { call } from "./client.ts";
import { certified, curled, tls } from "./certified.ts";
import { anywhere, configured, Folder, says, through } from "./configured.ts";
import { named, origin } from "./origin.ts";

const behindProxy = { trustedProxies: ["127.0.0.0/8"] };

/** A request that a load balancer forwards for a client. */
const by = (entry: string) => ({ headers: { "x-forwarded-for": entry } });

describe("behind a trusted proxy", () => {
  test("rules match the client's address, not the proxy's, and the log names the denied client", async () => {
    const rules = [
      { name: "no-abuse", effect: "deny", from: { addresses: ["203.0.113.0/24", "2001:db8::/32"] } },
    ];
    const policies = { authorize: { rules } };
    using folder = new Folder();
    const routes = [says("hello")];
    const config = { listeners: [{ ...anywhere, name: "main", routes, policies, ...behindProxy }] };
    await using pagoda = await configured(folder, config);
    const abusive = [
      "203.0.113.9",
      "203.0.113.9:50000",
      "::ffff:203.0.113.9",
      "[2001:db8::1]:443",
      "2001:DB8::1",
    ];
    for (const entry of abusive) {
      const { status, body } = await call(`${pagoda.url}/${encodeURIComponent(entry)}`, by(entry));
      expect([entry, status]).toEqual([entry, 403]);
      expect(body).toMatch(/^403 access denied\nrequest id: \S+\n$/);
    }
    for (const entry of ["198.51.100.1", "203.0.113.9, 198.51.100.1:80", "203.0.113.9, unknown"])
      expect([entry, (await call(pagoda.url, by(entry))).status]).toEqual([entry, 200]);
    const { client, fault } = await pagoda.log(`GET /${encodeURIComponent("[2001:db8::1]:443")} 403`);
    expect(client).toBe("2001:db8::1");
    expect(fault).toMatchObject({ tag: "Denied", rule: "no-abuse", address: "2001:db8::1" });
  });

  test("each client has one limit, however its address is written", async () => {
    const policies = { rateLimit: { perClient: { rate: "1/h", burst: 1 } } };
    using folder = new Folder();
    const listener = { ...anywhere, name: "main", routes: [says("hello")], policies, ...behindProxy };
    await using pagoda = await configured(folder, { listeners: [listener] });
    const statuses = async (...entries: readonly string[]): Promise<readonly number[]> => {
      const all: number[] = [];
      for (const entry of entries) all.push((await call(pagoda.url, by(entry))).status);
      return all;
    };
    expect(await statuses("192.0.2.1:1000", "192.0.2.1:2000", "::ffff:192.0.2.1", "192.0.2.2:1000")).toEqual([
      200, 429, 429, 200,
    ]);
    // One client usually owns a whole /64.
    expect(await statuses("2001:db8:1:2::1", "[2001:db8:1:2:3::4]:5", "2001:db8:1:3::1")).toEqual([
      200, 429, 200,
    ]);
  });

  test("hashing uses the client's address, however it is written", async () => {
    await using one = await named("one");
    await using two = await named("two");
    using folder = new Folder();
    const balance = { strategy: "ring-hash", key: "address" };
    const config = through({ endpoints: [one.url, two.url], balance }, behindProxy);
    await using pagoda = await configured(folder, config);
    const at = async (entry: string): Promise<string> => (await call(pagoda.url, by(entry))).body;
    const seen = new Set<string>();
    for (let n = 1; n <= 20; n++) {
      const body = await at(`192.0.2.${n}:1000`);
      seen.add(body);
      expect([n, await at(`::ffff:192.0.2.${n}`)]).toEqual([n, body]);
    }
    expect(seen).toEqual(new Set(["one", "two"]));
  });

  test("the proxy's certificate does not vouch for its clients", async () => {
    using folder = certified();
    const rules = [{ name: "cart", effect: "allow", from: { identities: ["spiffe://test/cart"] } }];
    const listener = {
      ...anywhere,
      ...behindProxy,
      name: "main",
      tls: { ...tls, clients: { ca: "ca.pem" } },
      policies: { authorize: { rules } },
      routes: [says("hello")],
    };
    await using pagoda = await configured(folder, { listeners: [listener] });
    const shown = ["--cacert", "ca.pem", "--cert", "cart.pem", "--key", "cart.key"].map((arg) =>
      arg.startsWith("--") ? arg : folder.file(arg),
    );
    expect(await curled(...shown, pagoda.url)).toMatch(/^hello/);
    expect(await curled(...shown, "-H", "X-Forwarded-For: 203.0.113.9", pagoda.url)).toMatch(/^403/);
    expect((await pagoda.log("GET / 403"))["fault"]).toMatchObject({ tag: "Denied", address: "203.0.113.9" });
  });
});

test("::/0 among trusted proxies does not trust IPv4", async () => {
  await using upstream = await origin(({ headers }, out) => out.end(headers["x-forwarded-for"]));
  using folder = new Folder();
  const config = through({ endpoints: [upstream.url] }, { trustedProxies: ["::/0"] });
  await using pagoda = await configured(folder, config);
  expect((await call(pagoda.url, by("203.0.113.9"))).body).toBe("127.0.0.1");
});
