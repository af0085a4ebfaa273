import { connect } from "node:tls";
import { testAuthority } from "@pagoda/http/testing";
import { expect, test } from "vitest";
import { anywhere, configured, Folder, says, through } from "./configured.ts";
import { origin } from "./origin.ts";

const authority = testAuthority();
const shop = authority.issue({ names: "IP:127.0.0.1" });
const cart = authority.issue({ names: "URI:spiffe://test/cart" });

interface Asked {
  readonly reused: boolean;
  readonly text: string;
  readonly session: Buffer;
}

/** One request on a new connection. */
function ask(url: string, maxVersion: "TLSv1.2" | "TLSv1.3", session?: Buffer): Promise<Asked> {
  const options = { ca: authority.ca, cert: cart.certificate, key: cart.key, maxVersion };
  return new Promise((resolve, reject) => {
    const port = Number(new URL(url).port);
    const socket = connect({ host: "127.0.0.1", port, ...options, ...(session && { session }) });
    let text = "";
    let reused = false;
    let last: Buffer | undefined;
    socket.once("secureConnect", () => (reused = socket.isSessionReused()));
    socket.on("session", (each: Buffer) => (last = each));
    socket.on("data", (piece: Buffer) => (text += piece.toString()));
    socket.once("error", reject);
    socket.once("close", () => resolve({ reused, text, session: last ?? Buffer.alloc(0) }));
    socket.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  });
}

test.each(["TLSv1.2", "TLSv1.3"] as const)(
  "every worker resumes a %s session with the client's identity until the authorities change",
  async (version) => {
    await using upstream = await origin(({ headers }, out) =>
      out.end(String(headers["x-forwarded-client-cert"])),
    );
    using folder = new Folder();
    folder.write("ca.pem", authority.ca);
    folder.write("shop.pem", shop.certificate);
    folder.write("shop.key", shop.key);
    const tls = { certificates: [{ certificate: "shop.pem", key: "shop.key" }], clients: { ca: "ca.pem" } };
    const config = through({ endpoints: [upstream.url] }, { tls });
    await using pagoda = await configured(folder, config, { PROXY_WORKERS: "2" });
    const reload = async (): Promise<number> =>
      (await fetch(`${pagoda.adminUrl}/reload`, { method: "POST" })).status;
    const first = await ask(pagoda.url, version);
    expect(first).toMatchObject({ reused: false, text: expect.stringContaining("URI=spiffe://test/cart") });
    folder.write("pagoda.yaml", { ...config, log: { accessRatio: "1%" } });
    expect(await reload()).toBe(200);
    for (let at = 0; at < 10; at++)
      expect(await ask(pagoda.url, version, first.session)).toMatchObject({
        reused: true,
        text: expect.stringContaining("URI=spiffe://test/cart"),
      });
    folder.write("ca.pem", `${authority.ca}${testAuthority("another").ca}`);
    expect(await reload()).toBe(200);
    expect(await ask(pagoda.url, version, first.session)).toMatchObject({ reused: false });
  },
);

test("the replacing process resumes sessions", async () => {
  using folder = new Folder();
  folder.write("ca.pem", authority.ca);
  folder.write("shop.pem", shop.certificate);
  folder.write("shop.key", shop.key);
  const tls = { certificates: [{ certificate: "shop.pem", key: "shop.key" }], clients: { ca: "ca.pem" } };
  const listeners = [{ ...anywhere, name: "main", tls, routes: [says("yes")] }];
  await using pagoda = await configured(folder, { clusters: {}, listeners });
  const first = await ask(pagoda.url, "TLSv1.3");
  expect(first.reused).toBe(false);
  pagoda.kill("SIGUSR2");
  const { replacedBy } = await pagoda.log("draining");
  await pagoda.log("drained");
  const { reused } = await ask(pagoda.url, "TLSv1.3", first.session);
  process.kill(replacedBy as number, "SIGKILL");
  await pagoda.exit;
  expect(reused).toBe(true);
});

test("proxies with the same secret resume each other's sessions, and no others", async () => {
  const tls = { certificates: [{ certificate: "shop.pem", key: "shop.key" }], ticketSecret: "secret" };
  const listeners = [{ ...anywhere, name: "main", tls, routes: [says("yes")] }];
  async function machine(folder: Folder, secret: string) {
    folder.write("shop.pem", shop.certificate);
    folder.write("shop.key", shop.key);
    folder.write("secret", secret);
    return configured(folder, { clusters: {}, listeners }, { PROXY_WORKERS: "1" });
  }
  using folder = new Folder();
  using another = new Folder();
  await using first = await machine(folder, "a".repeat(32));
  await using second = await machine(another, `${"a".repeat(32)}\n`);
  const { session } = await ask(first.url, "TLSv1.3");
  expect(await ask(second.url, "TLSv1.3", session)).toMatchObject({ reused: true });
  another.write("secret", "b".repeat(32));
  await second.log("configuration applied");
  expect(await ask(second.url, "TLSv1.3", session)).toMatchObject({ reused: false });
  another.write("secret", "short");
  expect(await second.log("configuration rejected; keeping the previous one")).toMatchObject({
    problems: [expect.stringContaining("must be a secret of at least 32 characters")],
  });
});
