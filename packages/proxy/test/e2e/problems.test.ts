import { expect, test } from "vitest";
import { call } from "./client.ts";
import { configured, Folder, through } from "./configured.ts";
import { refusing } from "./origin.ts";

test("errors are problems for clients that ask for JSON", async () => {
  using folder = new Folder();
  const config = through({ endpoints: [refusing] }, { errors: "negotiated" });
  await using pagoda = await configured(folder, config);
  const asked = await call(pagoda.url, { headers: { accept: "application/json" } });
  expect(asked.status).toBe(502);
  expect(asked.message.headers).toMatchObject({ "content-type": "application/problem+json", vary: "accept" });
  expect(JSON.parse(asked.body)).toEqual({
    type: "about:blank",
    title: "Bad Gateway",
    status: 502,
    detail: "cannot connect to the upstream",
    requestId: asked.message.headers["x-request-id"],
  });
  const other = await call(pagoda.url, { headers: { accept: "text/html, */*" } });
  expect(other.message.headers).toMatchObject({
    "content-type": "text/plain; charset=utf-8",
    vary: "accept",
  });
  expect(other.body).toMatch(/^502 cannot connect to the upstream\n/);
});
