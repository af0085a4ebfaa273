import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { call, head } from "./client.ts";
import { Pagoda } from "./program.ts";

const html = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };

test("/ lists the pages for curl and is the live page in a browser", async () => {
  await using pagoda = await Pagoda.start();
  const list = (await pagoda.admin("/")).text;
  const unknown = (await pagoda.admin("/unknown")).text;
  const lines = [...list.matchAll(/^(?:GET|POST) +(\S+) +\S.*$/gm)];
  const paths = new Set(lines.map(([, path]) => path));
  expect(lines).toHaveLength(list.trimEnd().split("\n").length);
  expect(unknown).toBe(`not found; the pages are ${[...paths].join(" ")}\n`);

  const { status, message, body } = await call(`${pagoda.adminUrl}/`, { headers: html });
  expect(status).toBe(200);
  expect(message.headers).toMatchObject({
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-cache",
    vary: "accept, accept-encoding",
  });
  expect(body).toContain("<!doctype html>");
});

test("the files of the live page are compressed, kept by browsers, and allowed nothing else", async () => {
  await using pagoda = await Pagoda.start();
  const { message: page, body } = await call(`${pagoda.adminUrl}/`, { headers: html });
  const assets = [...body.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, path]) => path as string);
  expect(assets.length).toBeGreaterThan(0);
  for (const path of assets) {
    const url = pagoda.adminUrl + path;
    const plain = await call(url);
    const get = async (coding: string): Promise<Buffer> => {
      const answer = await head(url, { headers: { "accept-encoding": coding } });
      expect(answer.headers["content-encoding"]).toBe(coding);
      return Buffer.concat(await answer.toArray());
    };
    expect(brotliDecompressSync(await get("br")).toString()).toBe(plain.body);
    expect(gunzipSync(await get("gzip")).toString()).toBe(plain.body);
    expect(plain.message.headers).toMatchObject({
      "cache-control": "public, max-age=31536000, immutable",
      "x-content-type-options": "nosniff",
      vary: "accept-encoding",
    });
  }
  expect(page.headers).toMatchObject({
    "content-security-policy":
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
      "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
  });
});

test("no other file can be read through the live page, and no other name reaches it", async () => {
  await using pagoda = await Pagoda.start();
  for (const path of ["/assets/", "/assets/files.json", "/assets/../files.json", "/assets/%2e%2e/index.html"])
    expect((await call(pagoda.adminUrl + path)).status).toBe(404);
  const rebound = await call(`${pagoda.adminUrl}/`, { headers: { ...html, host: "evil.example" } });
  expect(rebound.status).toBe(421);
  expect((await call(`${pagoda.adminUrl}/`, { method: "POST", headers: html })).status).toBe(405);
});
