import { testAuthority } from "@pagoda/http/testing";
import { expect, test } from "vitest";
import { call } from "./client.ts";
import { anywhere, configured, Folder } from "./configured.ts";
import { named } from "./origin.ts";
import { until } from "./program.ts";

/** The authority of the mesh, whose certificates have SPIFFE ids. */
const authority = testAuthority();
const id = (account: string): string => `spiffe://mesh/ns/shop/sa/${account}`;

/** Writes the certificate and key of a workload, as an agent such as SPIRE's does. */
function issue(folder: Folder, account: string, name: string = account): void {
  const { certificate, key } = authority.issue({ subject: "O=mesh", names: `URI:${id(account)}` });
  // The key first: both are read when either changes, and must match then.
  folder.write(`${name}.key`, key);
  folder.write(`${name}.pem`, certificate);
}

test("two proxies as sidecars identify each other by SPIFFE ids, also after a rotation", async () => {
  await using orders = await named("orders");
  using folder = new Folder();
  folder.write("ca.pem", authority.ca);
  for (const account of ["orders", "cart"]) issue(folder, account);
  const rules = [{ name: "cart", effect: "allow", from: { identities: [id("cart")] } }];
  const byIdentity = { rate: "1/h", burst: 2, by: "identity" };

  // Beside the orders service: terminates mutual TLS and authorizes.
  const tls = { certificates: [{ certificate: "orders.pem", key: "orders.key" }], clients: { ca: "ca.pem" } };
  const policies = { authorize: { rules }, rateLimit: { perClient: byIdentity } };
  const routes = [{ name: "all", cluster: "app" }];
  await using inbound = await configured(folder, {
    listeners: [{ ...anywhere, tls, policies, routes }],
    clusters: { app: { endpoints: [orders.url] } },
    log: { accessRatio: "100%" },
  });

  // Beside the cart service, which calls two names for the same place: only one is who it should be.
  using outside = new Folder();
  outside.write("ca.pem", authority.ca);
  issue(outside, "cart", "own");
  const mutual = { ca: "ca.pem", certificate: "own.pem", key: "own.key" };
  const to = (account: string) => ({
    endpoints: [inbound.url],
    tls: { ...mutual, sans: [{ uri: id(account) }] },
  });
  await using outbound = await configured(outside, {
    listeners: [
      {
        ...anywhere,
        routes: [
          { name: "orders", match: { path: "/" }, cluster: "orders" },
          { name: "billing", match: { path: "/billing" }, cluster: "billing" },
        ],
      },
    ],
    clusters: { orders: to("orders"), billing: to("billing") },
  });

  expect((await call(outbound.url)).body).toBe("orders");
  expect(await inbound.log((line) => line["identity"] === id("cart"))).toMatchObject({ status: 200 });
  // The place is right, but its certificate is not billing's.
  expect((await call(`${outbound.url}/billing`)).status).toBe(502);

  // The agent writes a certificate for another account, which has a limit of its own and no rule.
  issue(outside, "guest", "own");
  await until(
    () => call(outbound.url),
    ({ status }) => status === 403,
  );
  expect(await inbound.log((line) => line["identity"] === id("guest"))).toMatchObject({
    status: 403,
    fault: { tag: "Denied", identity: id("guest") },
  });
  issue(outside, "cart", "own");
  await until(
    () => call(outbound.url),
    ({ status }) => status !== 403,
  );
  // One call of cart's limit was left.
  expect((await call(outbound.url)).status).toBe(429);
});
