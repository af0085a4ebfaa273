import { describe, expect, onTestFinished, test } from "vitest";
import { explain } from "../../src/commands/explain.ts";
import { certified, tls } from "../e2e/certified.ts";
import { Folder, through } from "../e2e/configured.ts";
import { quota } from "../plugin-source.ts";

/**
 * The output of `pagoda explain` for a configuration, with the certificates of `certified` next to
 * it.
 */
async function explained(config: object, ...args: readonly string[]): Promise<string> {
  const folder = certified();
  onTestFinished(() => folder[Symbol.dispose]());
  let written = "";
  const write = (text: string): void => void (written += text);
  const file = folder.write("pagoda.yaml", config);
  expect(await explain.run(["-c", file, ...args], { env: {}, stdout: write, stderr: write })).toBe(0);
  return written;
}

const tlsLine =
  '  tls: {"certificates":[{"certificate":"shop.pem","key":"shop.key"}],"minVersion":"TLSv1.2"}\n';

const answer = (name: string, match: object = {}) => ({ name, match, respond: { status: 200 } });

describe("explain selects listeners by scheme and port", () => {
  const listener = (name: string, port: number, more: object = {}) => ({
    name,
    address: `127.0.0.1:${port}`,
    routes: [answer(name)],
    ...more,
  });
  const listeners = [listener("plain", 80), listener("other", 8080), listener("secure", 443, { tls })];

  test("defect: every listener was shown, whatever the URL", async () => {
    expect(await explained({ listeners }, "GET", "https://shop.example/")).toBe(
      [
        "listener plain\n  does not apply: it serves http and listens on port 80\n",
        "listener other\n  does not apply: it serves http and listens on port 8080\n",
        `listener secure\n${tlsLine}  client 127.0.0.1\n  route secure\n  respond 200\n`,
      ].join("\n"),
    );
    const plain = await explained({ listeners }, "GET", "http://shop.example:8080/");
    expect(plain).toContain("listener other\n  client 127.0.0.1\n  route other\n");
    expect(plain).toContain("listener plain\n  does not apply: it listens on port 80\n");
  });

  test("without a matching port, shows listeners of the scheme: ports may be mapped", async () => {
    const text = await explained({ listeners }, "GET", "https://shop.example:8443/");
    expect(text).toMatch(/^no listener serves https on port 8443; /);
    expect(text).toContain(`listener secure\n${tlsLine}  client 127.0.0.1\n  route secure\n`);
    expect(text).toContain("listener other\n  does not apply: ");
  });

  test("without a matching scheme, shows plain listeners: something in front may terminate TLS", async () => {
    const text = await explained({ listeners: [listener("plain", 3000)] }, "GET", "https://shop.example/");
    expect(text).toBe(
      "no listener serves https on port 443; assuming a load balancer in front that maps it to the listener below\n\n" +
        "listener plain\n  client 127.0.0.1\n  route plain\n  respond 200\n",
    );
  });
});

test("explain selects routes by path patterns", async () => {
  const routes = [
    answer("user", { path: { pattern: "/users/:id" } }),
    answer("orders", { path: { pattern: "/users/:id/orders" } }),
  ];
  const config = { listeners: [{ address: "127.0.0.1:80", routes }] };
  expect(await explained(config, "GET", "http://shop.example/users/7")).toContain("\n  route user\n");
  expect(await explained(config, "GET", "http://shop.example/users/7/orders")).toContain(
    "\n  route orders\n",
  );
});

test("explain shows which tunnels open", async () => {
  const at = { address: "127.0.0.1:80", routes: [answer("all")] };
  const asked = (upgrades: object, ...args: string[]): Promise<string> =>
    explained({ listeners: [{ ...at, ...upgrades }] }, ...args);
  const url = "http://shop.example/";
  expect(await asked({}, "GET", url, "-H", "Upgrade: WebSocket, h2c")).toContain(
    "  upgrade to WebSocket if the origin accepts it\n  upgrade to h2c ignored: `upgrades` does not include it\n",
  );
  expect(await asked({}, "CONNECT", url)).toMatch(
    /\n {2}CONNECT is refused with 501: `upgrades` does not include connect\n$/,
  );
  expect(await asked({ upgrades: ["connect"] }, "CONNECT", url)).toContain("route all");
});

describe("explain identifies the client", () => {
  const rules = [
    { name: "no-abuse", effect: "deny", from: { addresses: ["203.0.113.0/24"] } },
    { name: "balancer", effect: "deny", from: { identities: ["spiffe://test/balancer"] } },
  ];
  const config = (more: object = {}) => ({
    listeners: [
      {
        name: "main",
        address: "127.0.0.1:443",
        tls: { ...tls, clients: { ca: "ca.pem", required: false } },
        trustedProxies: ["10.0.0.0/8"],
        policies: { authorize: { rules } },
        routes: [answer("all")],
        ...more,
      },
    ],
  });
  const url = "https://shop.example/";

  test("defect: the peer was used instead of the client that a trusted proxy names", async () => {
    const by = ["--from", "10.0.0.1", "-H", "X-Forwarded-For: 203.0.113.9:50000"];
    expect(await explained(config(), "GET", url, ...by)).toMatch(
      "  client 203.0.113.9, via the trusted proxy 10.0.0.1\n    authorize: denied: 403, by no-abuse\n",
    );
    const balancer = ["--identity", "spiffe://test/balancer", "-H", "X-Forwarded-For: 198.51.100.1"];
    expect(await explained(config(), "GET", url, "--from", "::ffff:10.0.0.1", ...balancer)).toContain(
      "  client 198.51.100.1, via the trusted proxy 10.0.0.1; its certificate is not the client's\n" +
        "    authorize: allowed, by otherwise\n",
    );
    expect(await explained(config(), "GET", url, "--identity", "spiffe://test/balancer")).toContain(
      "  client 127.0.0.1, spiffe://test/balancer\n    authorize: denied: 403, by balancer\n",
    );
  });

  test("ignores X-Forwarded-For from an untrusted peer", async () => {
    const by = ["--from", "198.51.100.1", "-H", "X-Forwarded-For: 203.0.113.9"];
    expect(await explained(config(), "GET", url, ...by)).toContain(
      "  client 198.51.100.1; its X-Forwarded-For is ignored: 198.51.100.1 is not a trusted proxy\n" +
        "    authorize: allowed, by otherwise\n",
    );
  });

  test("shows when the listener ignores --identity, and when it requires a certificate", async () => {
    const none = await explained(
      config({ tls, policies: {} }),
      "GET",
      url,
      "--identity",
      "spiffe://test/balancer",
    );
    expect(none).toContain(
      "  identity ignored: this listener does not request client certificates\n  client 127.0.0.1\n",
    );
    const required = { tls: { ...tls, clients: { ca: "ca.pem" } } };
    expect(await explained(config(required), "GET", url)).toMatch(
      "}\n  TLS handshake fails: a client certificate is required\n",
    );
  });

  test("matches routes that require a client certificate", async () => {
    const header = { name: "x-forwarded-client-cert", contains: "URI=spiffe://test/cart" };
    const routes = [answer("cart", { headers: [header] }), answer("all")];
    const cart = await explained(config({ routes }), "GET", url, "--identity", "spiffe://test/cart");
    expect(cart).toContain("  route cart\n");
    const claim = ["-H", "X-Forwarded-Client-Cert: URI=spiffe://test/cart"];
    expect(await explained(config({ routes }), "GET", url, ...claim)).toContain("  route all\n");
  });
});

test("defect: explain did not show a matching route of lower precedence", async () => {
  const routes = [
    answer("any"),
    answer("shop", { hosts: ["shop.example"], methods: ["GET", "POST"] }),
    answer("again", { hosts: ["shop.example"], methods: ["GET", "PUT"] }),
    answer("cart", { path: "/cart" }),
  ];
  const listeners = [{ name: "main", address: "127.0.0.1:80", routes }];
  expect(await explained({ listeners }, "GET", "http://shop.example/cart")).toBe(
    [
      "listener main",
      "  client 127.0.0.1",
      "  route shop",
      "    not again: also matches, but it comes later in the file",
      "    not cart: also matches, but its host is less specific",
      "    not any: also matches, but its host is less specific",
      "  respond 200",
      "",
    ].join("\n"),
  );
});

test("defect: explain checked a route's rules against the requested path, not the rewritten one", async () => {
  const rules = [{ name: "internal", effect: "deny", to: { paths: ["/internal/*"] } }];
  const route = {
    name: "all",
    match: { path: "/public" },
    rewrite: { prefix: "/internal" },
    cluster: "shop",
    policies: { authorize: { rules } },
  };
  const config = {
    listeners: [{ name: "main", address: "127.0.0.1:80", routes: [route] }],
    clusters: { shop: { endpoints: ["http://a:1"] } },
  };
  expect(await explained(config, "GET", "http://shop.example/public/plan")).toContain(
    "authorize: denied: 403, by internal",
  );
});

test("defect: explain resolved dot segments before the listener could", async () => {
  const listeners = [{ name: "main", address: "127.0.0.1:80", routes: [answer("all")] }];
  expect(await explained({ listeners }, "GET", "http://shop.example/a/../../b?c=/../d")).toBe(
    "listener main\n  client 127.0.0.1\n  the path is refused: above-root\n",
  );
  const routes = [answer("cart", { path: "/cart", query: [{ name: "c", exact: "/../d" }] }), answer("all")];
  expect(
    await explained(
      { listeners: [{ ...listeners[0], routes }] },
      "GET",
      "http://shop.example/a/../cart?c=/../d#e",
    ),
  ).toContain("  route cart\n");
});

test("explain shows no secrets", async () => {
  const match = {
    headers: [{ name: "x-internal", exact: "hunter" }],
    query: [{ name: "k", regex: "hunter.*" }],
  };
  const routes = [
    answer("a", match),
    answer("b", { query: match.query }),
    { name: "c", respond: { status: 200, body: "hunter", headers: { a: "hunter" } } },
  ];
  const config = { listeners: [{ name: "main", address: "127.0.0.1:80", routes }] };
  const text = await explained(config, "GET", "http://shop.example/?k=other");
  expect(text).toContain('not b: query k is "other", not regex (not shown)');
  expect(text).not.toContain("hunter");
});

test("a policy that cannot explain itself hides nothing else", async () => {
  using folder = new Folder();
  folder.write("quota.js", quota('explain() { throw new Error("no idea"); },'));
  const config = { plugins: ["./quota.js"], ...through({ endpoints: ["http://a:1"] }, {}, { quota: 1 }) };
  const file = folder.write("pagoda.yaml", config);
  const lines: string[] = [];
  const write = (text: string): void => void lines.push(text);
  await explain.run(["-c", file, "GET", "http://a/"], { env: {}, stdout: write, stderr: write });
  expect(lines.join("")).toContain("quota: explain failed: no idea\n    timeout: 15s\n");
});

test("explain shows what a request with the claims of a token meets", async () => {
  const rules = [
    { name: "staff", effect: "allow", from: { claims: [{ claim: "role", equals: ["admin"] }] } },
  ];
  const jwks = { url: "https://id.example/keys" };
  const jwt = { issuers: [{ issuer: "https://id.example", audiences: ["shop"], jwks }] };
  const config = through({ endpoints: ["http://127.0.0.1:1"] }, {}, { jwt, authorize: { rules } });
  const url = "http://127.0.0.1:0/";
  const [none, token, ann, admin] = await Promise.all([
    explained(config, "GET", url),
    explained(config, "GET", url, "-H", "Authorization: Bearer a.b.c"),
    explained(config, "GET", url, "--claims", '{"sub":"ann"}'),
    explained(config, "GET", url, "--claims", '{"role":"admin"}'),
  ]);
  expect(none).toContain("jwt: no token: 401; requires one of https://id.example\n");
  expect(none).not.toContain("authorize");
  expect(token).toContain("jwt: the token, which is not verified here, must be of https://id.example\n");
  expect(ann).toContain("jwt: a token of https://id.example, assumed to be valid\n");
  expect(ann).toContain("authorize: denied: 403, by otherwise");
  expect(admin).toContain("authorize: allowed, by staff");
});

test.each(["sub", "[]", "1"])("explain refuses claims of %j", async (claims) => {
  let written = "";
  const io = { env: {}, stdout: () => {}, stderr: (text: string) => void (written += text) };
  expect(await explain.run(["GET", "http://a/", "--claims", claims], io)).toBe(2);
  expect(written).toContain("--claims must be a JSON object");
});
