import { expect, test } from "vitest";
import { call } from "./client.ts";
import { configured, Folder, through } from "./configured.ts";
import { origin } from "./origin.ts";
import type { Pagoda } from "./program.ts";

/** An origin that counts its requests and lets responses be stored as the path says. */
async function counting() {
  const seen: string[] = [];
  const server = await origin((request, response) => {
    seen.push(request.url ?? "");
    const control = request.url === "/private" ? "private, max-age=60" : "max-age=60";
    response.setHeader("cache-control", control).end(`answer ${seen.length}`);
  });
  return { ...server, seen };
}

async function ask(pagoda: Pagoda, path = "/", headers = {}) {
  const { status, body, message } = await call(pagoda.url + path, { headers });
  return { status, body, said: message.headers["cache-status"] };
}

test("cache answers with stored responses, but not with private ones, and counts both", async () => {
  await using upstream = await counting();
  using folder = new Folder();
  await using pagoda = await configured(folder, through({ endpoints: [upstream.url] }, {}, { cache: {} }));
  expect(await ask(pagoda)).toMatchObject({
    body: "answer 1",
    said: expect.stringContaining("fwd=uri-miss"),
  });
  expect(await ask(pagoda)).toMatchObject({ body: "answer 1", said: expect.stringContaining("pagoda; hit") });
  await ask(pagoda, "/private");
  expect(await ask(pagoda, "/private")).toMatchObject({ body: "answer 3" });
  expect(upstream.seen).toEqual(["/", "/private", "/private"]);
  expect(await pagoda.metric("stack_events_total", { layer: "cache", event: "hit" })).toBe(1);
  expect(await pagoda.metric("stack_events_total", { layer: "cache", event: "missed" })).toBe(3);
});

test("cache answers no client that its route refuses", async () => {
  await using upstream = await counting();
  using folder = new Folder();
  const rules = [
    { name: "members", effect: "deny", to: { paths: ["/members/*"] }, from: { addresses: ["192.0.2.0/24"] } },
  ];
  const config = through(
    { endpoints: [upstream.url] },
    { trustedProxies: ["127.0.0.1"] },
    { cache: {}, authorize: { rules, otherwise: "allow" } },
  );
  await using pagoda = await configured(folder, config);
  expect(await ask(pagoda, "/members/a")).toMatchObject({ status: 200 });
  expect(await ask(pagoda, "/members/a", { "x-forwarded-for": "192.0.2.7" })).toMatchObject({ status: 403 });
  expect(await ask(pagoda, "/members/a")).toMatchObject({ said: expect.stringContaining("hit") });
});

test("cache keeps its responses over reloads until its memory changes", async () => {
  await using upstream = await counting();
  using folder = new Folder();
  const config = (cache: object): object => through({ endpoints: [upstream.url] }, {}, { cache });
  await using pagoda = await configured(folder, config({}));
  const reloaded = async (cache: object) => {
    folder.write("pagoda.yaml", config(cache));
    expect((await fetch(`${pagoda.adminUrl}/reload`, { method: "POST" })).status).toBe(200);
    return (await ask(pagoda)).body;
  };
  await ask(pagoda);
  expect(await reloaded({ maxEntry: "1KiB" })).toBe("answer 1");
  expect(await reloaded({ maxEntry: "1KiB", memory: "1MiB" })).toBe("answer 2");
});
