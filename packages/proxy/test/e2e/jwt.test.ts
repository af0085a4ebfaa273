import type { RequestListener } from "node:http";
import { describe, expect, test } from "vitest";
import { bodies, call } from "./client.ts";
import { curled } from "./certified.ts";
import { configured, Folder, says, through } from "./configured.ts";
import { origin } from "./origin.ts";
import { until } from "./program.ts";
import { TokenIssuer } from "./tokens.ts";

const issuerOf = (issuer: TokenIssuer, jwks: object) => ({ issuer: issuer.name, audiences: ["shop"], jwks });

/** An origin that shows the fields of its requests. */
const showing = () =>
  origin((request, response) => {
    response.end(JSON.stringify(request.headers));
  });

describe("jwt", () => {
  test("requires a token, which the origin does not see, and sets fields from its claims", async () => {
    await using site = await showing();
    using folder = new Folder();
    const issuer = new TokenIssuer();
    folder.write("jwks.json", issuer.jwks);
    const jwt = {
      issuers: [issuerOf(issuer, { file: "jwks.json" })],
      headers: { "x-user": "sub", "x-roles": ["realm_access", "roles"] },
      realm: "shop",
    };
    const config = { ...through({ endpoints: [site.url] }, {}, { jwt }), log: { accessRatio: "100%" } };
    await using pagoda = await configured(folder, config);

    const none = await call(pagoda.url);
    expect(none.status).toBe(401);
    expect(none.message.headers["www-authenticate"]).toBe('Bearer realm="shop"');
    expect(none.body).toContain("401 a token is required");
    for (const wrong of [
      new TokenIssuer().token(),
      issuer.token({ aud: "billing" }),
      issuer.token({ exp: 1 }),
      "a.b.c",
    ]) {
      const { status, message } = await call(pagoda.url, { headers: { authorization: `Bearer ${wrong}` } });
      expect(status).toBe(401);
      expect(message.headers["www-authenticate"]).toMatch(/^Bearer realm="shop", error="invalid_token", /);
    }
    const token = issuer.token({ realm_access: { roles: ["a", "b"] } });
    const bearer = ["-H", `Authorization: Bearer ${token}`];
    const shown = await curled(...bearer, "-H", "X-User: root", "-H", "X_Roles: root", pagoda.url);
    expect(shown).toContain('"x-user":"ann"');
    expect(shown).toContain(String.raw`"x-roles":"[\"a\",\"b\"]"`);
    expect(shown).not.toMatch(/authorization|root/);
    expect(await pagoda.log((line) => line["user"] === "ann")).toMatchObject({ status: 200, route: "all" });
    expect(await pagoda.metric("stack_events_total", { layer: "jwt", event: "refused" })).toBe(5);
    expect(pagoda.output).not.toContain(token.split(".")[2]);
  });

  test("claims can be used by rules, limits and routes", async () => {
    using folder = new Folder();
    const issuer = new TokenIssuer();
    folder.write("jwks.json", issuer.jwks);
    const rules = [
      { name: "staff", effect: "allow", from: { claims: [{ claim: "scope", contains: ["admin"] }] } },
    ];
    const policies = {
      jwt: {
        issuers: [issuerOf(issuer, { file: "jwks.json" })],
        optional: true,
        headers: { "x-plan": "plan" },
      },
      rateLimit: { perClient: { rate: "1/h", burst: 4, by: { claim: "sub" } } },
    };
    const gold = { headers: [{ name: "x-plan", exact: "gold" }] };
    const routes = [
      { ...says("gold", "gold"), match: gold },
      { ...says("free", "free"), match: { path: "/" } },
      { name: "admin", match: { path: "/admin" }, cluster: "origin", policies: { authorize: { rules } } },
    ];
    await using site = await showing();
    const clusters = { origin: { endpoints: [site.url] } };
    await using pagoda = await configured(folder, {
      listeners: [{ address: "127.0.0.1:0", policies, routes }],
      clusters,
    });
    const statusOf = async (path: string, headers: Record<string, string> = {}): Promise<number> =>
      (await call(`${pagoda.url}${path}`, { headers })).status;

    // Anonymous requests share the limit of their address.
    expect(await bodies(pagoda.url, 1, { "x-plan": "gold" })).toEqual(["free"]);
    expect(await statusOf("/admin")).toBe(403);
    const bob = issuer.bearer({ sub: "bob", plan: "gold" }).headers;
    expect(await bodies(pagoda.url, 1, bob)).toEqual(["gold"]);
    const ann = issuer.bearer({ scope: "orders admin" }).headers;
    const other = issuer.bearer({ scope: "orders administrator" }).headers;
    expect(await statusOf("/admin", ann)).toBe(200);
    expect(await statusOf("/admin", other)).toBe(403);
    // Both are ann's.
    expect(await statusOf("/admin", ann)).toBe(200);
    expect(await statusOf("/admin", other)).toBe(403);
    expect(await statusOf("/", ann)).toBe(429);
    expect(await statusOf("/", bob)).toBe(200);
  });

  test("reloads a file of keys", async () => {
    using folder = new Folder();
    const issuer = new TokenIssuer();
    folder.write("jwks.json", issuer.jwks);
    const jwt = { issuers: [issuerOf(issuer, { file: "jwks.json" })] };
    const config = { listeners: [{ address: "127.0.0.1:0", routes: [says("hello")], policies: { jwt } }] };
    await using pagoda = await configured(folder, config);
    const former = issuer.bearer();
    expect((await call(pagoda.url, former)).status).toBe(200);
    issuer.rotate();
    expect((await call(pagoda.url, issuer.bearer())).status).toBe(401);
    folder.write("jwks.json", issuer.jwks);
    await pagoda.log("configuration applied");
    expect((await call(pagoda.url, issuer.bearer())).status).toBe(200);
    expect((await call(pagoda.url, former)).status).toBe(401);
    folder.write("jwks.json", "nonsense");
    expect(await pagoda.log("configuration rejected; keeping the previous one")).toMatchObject({
      problems: [expect.stringContaining("must be a JSON Web Key Set with at least one public key")],
    });
    expect((await call(pagoda.url, issuer.bearer())).status).toBe(200);
  });

  test("requests keys from a URL, and keeps them while their server fails", async () => {
    using folder = new Folder();
    const issuer = new TokenIssuer();
    let answer: RequestListener = (_, response) => response.writeHead(500).end();
    await using server = await origin((request, response) => void answer(request, response));
    const jwt = { issuers: [issuerOf(issuer, { url: `${server.url}/keys`, refresh: "1s" })] };
    const config = {
      listeners: [{ address: "127.0.0.1:0", routes: [says("hello")], policies: { jwt } }],
      workers: 1,
    };
    await using pagoda = await configured(folder, config);
    const unavailable = await call(pagoda.url, issuer.bearer());
    expect(unavailable.status).toBe(503);
    expect(unavailable.message.headers["retry-after"]).toBe("1");
    expect(unavailable.body).toContain("tokens cannot be verified now");
    expect(await pagoda.log("cannot load token keys; keeping the previous ones")).toMatchObject({
      issuer: issuer.name,
      err: { message: "the keys were answered with status 500" },
    });
    const metric = async (event: string) => pagoda.metric("stack_events_total", { layer: "jwt-keys", event });
    expect([await metric("failed"), await metric("loaded")]).toEqual([1, 0]);
    answer = (_, response) => response.end(JSON.stringify(issuer.jwks));
    const passing = () => call(pagoda.url, issuer.bearer({ jti: crypto.randomUUID() }));
    await until(passing, ({ status }) => status === 200);
    answer = (request) => request.socket.destroy();
    await until(
      async () =>
        [await passing(), pagoda.logs.filter(({ msg }) => msg.startsWith("cannot load token keys"))] as const,
      ([{ status }, failures]) => {
        expect(status).toBe(200);
        return failures.length > 1;
      },
    );
    expect(await metric("failed")).toBeGreaterThan(1);
    expect(await metric("loaded")).toBeGreaterThan(0);
    // A name appears with the scrape after the first.
    expect(await pagoda.metric("stack_jwt_keys_age_seconds")).toBeGreaterThanOrEqual(1);
  });
});
