import { expect, test } from "vitest";
import { call } from "./client.ts";
import { anywhere, configured, Folder, says } from "./configured.ts";
import { refusing } from "./origin.ts";

const app = "https://app.example";

test("scripts of allowed origins can read responses and errors", async () => {
  using folder = new Folder();
  const routes = [says("lamps"), { name: "down", match: { path: "/down" }, cluster: "down" }];
  const cors = { origins: [app], credentials: true, maxAge: "2h" };
  await using pagoda = await configured(folder, {
    listeners: [{ ...anywhere, routes, cors }],
    clusters: { down: { endpoints: [refusing] } },
  });
  const ask = async (path: string, origin: string, method = "GET", headers = {}) => {
    const answer = await call(pagoda.url + path, { method, headers: { origin, ...headers } });
    const { vary, "access-control-allow-origin": allowed } = answer.message.headers;
    return { status: answer.status, allowed, vary };
  };
  expect(await ask("/", app)).toEqual({ status: 200, allowed: app, vary: "origin" });
  expect(await ask("/down", app)).toEqual({ status: 502, allowed: app, vary: "origin" });
  const evil = "https://evil.example";
  expect(await ask("/", evil)).toEqual({ status: 200, allowed: undefined, vary: "origin" });
  const preflight = { "access-control-request-method": "PUT" };
  expect(await ask("/down", app, "OPTIONS", preflight)).toMatchObject({ status: 204, allowed: app });
  expect(await ask("/", evil, "OPTIONS", preflight)).toMatchObject({ status: 200, allowed: undefined });
});

test("a route has its own CORS instead of the listener's, for preflights of its methods and errors, too", async () => {
  using folder = new Folder();
  const partner = "https://partner.example";
  const routes = [
    { name: "read", match: { path: "/api", methods: ["GET"] }, cluster: "down", cors: { origins: "*" } },
    {
      name: "write",
      match: { path: "/api", methods: ["PUT"] },
      cluster: "down",
      cors: { origins: [partner] },
    },
    says("rest"),
  ];
  await using pagoda = await configured(folder, {
    listeners: [{ ...anywhere, routes, cors: { origins: [app] } }],
    clusters: { down: { endpoints: [refusing] } },
  });
  const ask = async (path: string, origin: string, method: string, wanted?: string) => {
    const headers = { origin, ...(wanted !== undefined && { "access-control-request-method": wanted }) };
    const { status, message } = await call(pagoda.url + path, { method, headers });
    return [status, message.headers["access-control-allow-origin"]];
  };
  expect(await ask("/api", partner, "GET")).toEqual([502, "*"]);
  expect(await ask("/api", partner, "PUT")).toEqual([502, partner]);
  expect(await ask("/api", app, "PUT")).toEqual([502, undefined]);
  expect(await ask("/api", app, "OPTIONS", "GET")).toEqual([204, "*"]);
  expect(await ask("/api", partner, "OPTIONS", "PUT")).toEqual([204, partner]);
  expect(await ask("/", app, "GET")).toEqual([200, app]);
  expect(await ask("/", app, "OPTIONS", "DELETE")).toEqual([204, app]);
  expect(await ask("/", partner, "GET")).toEqual([200, undefined]);
});
