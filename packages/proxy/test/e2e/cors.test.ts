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
