import { readFileSync } from "node:fs";
import { testAuthority } from "@pagoda/http/testing";
import { authoritiesSecret, certificateSecret, SecretAgent } from "@pagoda/xds/testing";
import { describe, expect, test } from "vitest";
import { call } from "./client.ts";
import { Folder } from "./configured.ts";
import { named } from "./origin.ts";
import { Pagoda, until } from "./program.ts";

/** The authority of the mesh, whose certificates have SPIFFE ids. */
const authority = testAuthority();
const id = (account: string): string => `spiffe://mesh/ns/shop/sa/${account}`;

function svid(account: string) {
  return authority.issue({ subject: "O=mesh", names: `URI:${id(account)}` });
}

/** What gives certificates to the sidecars. */
interface Issuer extends AsyncDisposable {
  /** How the names of its examples end. */
  readonly suffix: string;
  /** Gives a sidecar the certificate of an account: at first its own. */
  issue(sidecar: string, account?: string): void;
  /** Its part of an example. */
  readonly places: Readonly<Record<string, string>>;
}

/** SPIRE's agent, with SDS on its socket. */
async function agent(folders: Readonly<Record<string, Folder>>): Promise<Issuer> {
  const path = (Object.values(folders)[0] as Folder).file("agent.sock");
  const server = await new SecretAgent(path).listen();
  server.serve(authoritiesSecret("spiffe://mesh", authority.ca));
  return {
    suffix: "",
    places: { "unix:///run/spire/sockets/agent.sock": server.url },
    issue: (sidecar, account = sidecar) => server.serve(certificateSecret(id(sidecar), svid(account))),
    [Symbol.asyncDispose]: () => server.kill(),
  };
}

/** A helper that writes files, as spiffe-helper does. */
async function helper(folders: Readonly<Record<string, Folder>>): Promise<Issuer> {
  for (const folder of Object.values(folders)) folder.write("certs/svid_bundle.pem", authority.ca);
  return {
    suffix: "-files",
    places: {},
    issue(sidecar, account = sidecar) {
      const { certificate, key } = svid(account);
      folders[sidecar]?.write("certs/svid_key.pem", key);
      folders[sidecar]?.write("certs/svid.pem", certificate);
    },
    async [Symbol.asyncDispose]() {},
  };
}

/** Runs an example of `examples/mesh`, with other addresses. */
async function example(
  folder: Folder,
  name: string,
  places: Readonly<Record<string, string>>,
): Promise<Pagoda> {
  let text = readFileSync(new URL(`../../examples/mesh/${name}.yaml`, import.meta.url), "utf8");
  for (const [theirs, ours] of Object.entries(places)) {
    expect(text).toContain(theirs);
    text = text.replaceAll(theirs, ours);
  }
  return Pagoda.start({ PROXY_CONFIG: folder.write("pagoda.yaml", text), PROXY_LISTEN_ADDR: "" });
}

describe.each([
  ["an agent", agent],
  ["files", helper],
])("with certificates from %s", (_name, issuerOf) => {
  test("two proxies as sidecars identify each other by SPIFFE ids, also after a rotation", async () => {
    await using app = await named("orders");
    using inside = new Folder();
    using outside = new Folder();
    await using issuer = await issuerOf({ orders: inside, cart: outside });
    for (const account of ["orders", "cart"]) issuer.issue(account);
    await using orders = await example(inside, `orders${issuer.suffix}`, {
      ...issuer.places,
      "0.0.0.0:15006": "127.0.0.1:0",
      "http://127.0.0.1:8080": app.url,
      // So that the limit does not depend on how fast the test is.
      "rate: 100/s, burst: 200": "rate: 1/h, burst: 2",
    });
    await using cart = await example(outside, `cart${issuer.suffix}`, {
      ...issuer.places,
      "127.0.0.1:15001": "127.0.0.1:0",
      "https://orders.shop.svc.cluster.local:15006": orders.url,
      // Where billing should be, there is orders.
      "https://billing.shop.svc.cluster.local:15006": orders.url,
    });
    const ask = () => call(`${cart.url}/orders`);

    expect((await ask()).body).toBe("orders");
    expect(await orders.log((line) => line["identity"] === id("cart"))).toMatchObject({ status: 200 });
    // The place is right, but its certificate is not billing's: it gets no request.
    expect((await call(`${cart.url}/billing`)).status).toBe(502);

    // Certificates that have been renewed change nothing for clients.
    for (const [account, pagoda] of [
      ["orders", orders],
      ["cart", cart],
    ] as const) {
      const reloads = () => pagoda.metric("pagoda_reloads_total", { result: "success" });
      const before = await reloads();
      issuer.issue(account);
      await until(reloads, (count) => count > before);
    }
    expect((await ask()).body).toBe("orders");
    expect((await ask()).status).toBe(429);
    expect(await orders.log((line) => line["status"] === 429)).toMatchObject({
      identity: id("cart"),
      fault: { tag: "RateLimited" },
    });

    // A client with the certificate of another account has a limit of its own, and no rule.
    issuer.issue("cart", "guest");
    await until(ask, ({ status }) => status === 403);
    expect(await orders.log((line) => line["identity"] === id("guest"))).toMatchObject({
      status: 403,
      fault: { tag: "Denied", identity: id("guest") },
    });
    issuer.issue("cart");
    await until(ask, ({ status }) => status !== 403);
    expect((await ask()).status).toBe(429);
  });
});
