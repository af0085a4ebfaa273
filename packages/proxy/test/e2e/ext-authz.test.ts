import type { RequestListener } from "node:http";
import { describe, expect, test } from "vitest";
import { curled } from "./certified.ts";
import { call } from "./client.ts";
import { anywhere, configured, Folder, says } from "./configured.ts";
import { origin, refusing, silent } from "./origin.ts";

/** Lets pass who has the right cookie, and sends everybody else to a login page. */
const authorization: RequestListener = ({ method, url, headers }, response) => {
  if (headers.cookie === "session=ann") {
    const seen = `${method} ${url} for ${headers["x-forwarded-method"]} ${headers["x-forwarded-uri"]}`;
    response.writeHead(200, { "x-user": "ann", "x-seen": seen, "x-other": "1" }).end("welcome");
  } else if (headers.cookie === undefined) {
    const fields = { location: "https://login.example/", "set-cookie": ["a=1", "b=2"] };
    response.writeHead(302, fields).end("log in first");
  } else response.writeHead(403).end("not for you");
};

/** A listener whose route asks a cluster. */
function guarded(site: string, authz: string, policy: object = {}): object {
  const extAuthz = { cluster: "authz", path: "/auth", copyHeaders: ["x-user", "x-seen"], ...policy };
  const routes = [{ name: "all", cluster: "origin", policies: { extAuthz } }];
  return {
    listeners: [{ ...anywhere, name: "main", routes }],
    clusters: { origin: { endpoints: [site] }, authz: { endpoints: [authz] } },
  };
}

/** An origin that shows the fields and the body of its requests. */
const showing = () =>
  origin(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    response.end(JSON.stringify({ ...request.headers, body }));
  });

describe("extAuthz", () => {
  test("an authorization server decides, and its fields reach the origin", async () => {
    await using site = await showing();
    await using authz = await origin(authorization);
    using folder = new Folder();
    await using pagoda = await configured(folder, guarded(site.url, authz.url));

    const ann = ["-H", "Cookie: session=ann", "-H", "X-User: root", "-H", "X_User: root", "--data", "hello"];
    const shown = await curled(...ann, `${pagoda.url}/cart?a=1`);
    expect(JSON.parse(shown.slice(0, shown.lastIndexOf(" ")))).toMatchObject({
      "x-user": "ann",
      "x-seen": "GET /auth for POST /cart?a=1",
      body: "hello",
    });
    expect(shown).not.toMatch(/x-other|root/);

    const login = await call(pagoda.url);
    expect(login.status).toBe(302);
    expect(login.message.headers).toMatchObject({
      location: "https://login.example/",
      "set-cookie": ["a=1", "b=2"],
    });
    expect(login.body).toBe("log in first");
    const denied = await call(pagoda.url, { headers: { cookie: "session=bob" } });
    expect([denied.status, denied.body]).toEqual([403, "not for you"]);
    expect(await pagoda.log("GET / 403")).toMatchObject({
      fault: { tag: "AuthorizationRefused", origin: "local" },
    });

    for (const [event, count] of [
      ["allowed", 1],
      ["refused", 2],
      ["unavailable", 0],
    ] as const)
      expect(await pagoda.metric("stack_events_total", { layer: "ext-authz", event })).toBe(count);
  });

  test("without an answer requests are refused, or pass if it fails open", async () => {
    await using site = await showing();
    await using hanging = await silent();
    await using failing = await origin((_, response) => response.writeHead(500).end("broken"));
    await using nonsense = await origin((request) => request.socket.end("nonsense\r\n\r\n"));
    const servers = { refusing, hanging: hanging.url, failing: failing.url, nonsense: nonsense.url };
    using folder = new Folder();
    const routes = Object.keys(servers).flatMap((cluster) =>
      [false, true].map((failOpen) => ({
        name: `${cluster}-${failOpen}`,
        match: { path: `/${cluster}/${failOpen}` },
        cluster: "origin",
        policies: { extAuthz: { cluster, copyHeaders: ["x-user"], timeout: "300ms", failOpen } },
      })),
    );
    const clusters = Object.entries(servers).map(([name, url]) => [name, { endpoints: [url] }] as const);
    await using pagoda = await configured(folder, {
      listeners: [{ ...anywhere, routes }],
      clusters: { origin: { endpoints: [site.url] }, ...Object.fromEntries(clusters) },
    });
    for (const server of Object.keys(servers)) {
      const refused = await call(`${pagoda.url}/${server}/false`);
      expect([server, refused.status]).toEqual([server, 503]);
      expect(refused.body).toContain("503 the request cannot be authorized now");
      expect(refused.message.headers["retry-after"]).toBe("1");
      const passed = await call(`${pagoda.url}/${server}/true`, { headers: { "x-user": "root" } });
      expect([server, passed.status]).toEqual([server, 200]);
      expect(passed.body).not.toContain("root");
    }
  });

  test("a listener asks before it selects a route", async () => {
    await using authz = await origin(authorization);
    using folder = new Folder();
    const policies = { extAuthz: { cluster: "authz", copyHeaders: ["x-user"] } };
    const routes = [
      { ...says("hello ann", "ann"), match: { headers: [{ name: "x-user", exact: "ann" }] } },
      says("hello"),
    ];
    const clusters = { authz: { endpoints: [authz.url] } };
    await using pagoda = await configured(folder, {
      listeners: [{ ...anywhere, policies, routes }],
      clusters,
    });
    expect((await call(pagoda.url, { headers: { cookie: "session=ann" } })).body).toBe("hello ann");
    expect((await call(pagoda.url, { headers: { "x-user": "ann" } })).status).toBe(302);
  });
});
