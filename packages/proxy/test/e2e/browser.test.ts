import { crc32, deflateSync } from "node:zlib";
import { testAuthority } from "@pagoda/http/testing";
import { expect, test } from "vitest";
import { withBrowser } from "./browser.ts";
import { configured, Folder, through } from "./configured.ts";
import { origin } from "./origin.ts";
import { Pagoda } from "./program.ts";
import { needs } from "./system.ts";

needs("chromium");
const browser = withBrowser();

const files: Readonly<Record<string, readonly [type: string, content: string | Buffer]>> = {
  "/": [
    "text/html; charset=utf-8",
    `<!doctype html><title>Pagode</title><link rel="stylesheet" href="/style.css">
    <h1>Grüße</h1><img src="/dot.png"><p id="out">waiting</p><script src="/app.js"></script>`,
  ],
  "/style.css": ["text/css", "h1 { color: rgb(1, 2, 3) }"],
  "/app.js": [
    "text/javascript",
    `fetch("/echo", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ a: 1 }) })
      .then((response) => response.json())
      .then(({ method, body }) => (document.querySelector("#out").textContent = method + " " + body + " " + document.cookie));`,
  ],
  "/dot.png": ["image/png", dot()],
};

test("a browser loads a page and its resources over one HTTP/2 connection", async () => {
  const authority = testAuthority();
  const { certificate, key } = authority.issue({ names: "IP:127.0.0.1" });
  await using upstream = await origin((request, response) => {
    if (request.url === "/") {
      const parts = Array.from({ length: 20 }, (_, at) => `<img src="/dot.png?${at}">`).join("");
      response.setHeader("content-type", "text/html").end(`<!doctype html><title>h2</title>${parts}`);
    } else response.setHeader("content-type", "image/png").end(dot());
  });
  using folder = new Folder();
  folder.write("cert.pem", certificate);
  folder.write("cert.key", key);
  const tls = { certificates: [{ certificate: "cert.pem", key: "cert.key" }] };
  await using pagoda = await configured(folder, through({ endpoints: [upstream.url] }, { tls }));
  // The test's own authority is unknown to browsers.
  const context = await browser().newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  await page.goto(`${pagoda.url}/`, { waitUntil: "load" });
  const protocols =
    "performance.getEntries().filter(({ nextHopProtocol }) => nextHopProtocol).map((entry) => entry.nextHopProtocol)";
  const seen = (await page.evaluate(protocols)) as readonly string[];
  expect(seen.length).toBeGreaterThan(20);
  expect(new Set(seen)).toEqual(new Set(["h2"]));
  expect(await page.evaluate("[...document.images].every((image) => image.naturalWidth === 1)")).toBe(true);
  // A second connection without credentials, for requests that omit them.
  expect(await pagoda.metric("connections_total", { state: "accepted" })).toBeLessThanOrEqual(2);
  await context.close();
});

test("a browser loads a page and its resources, and the page calls its origin", async () => {
  await using upstream = await origin(async (request, response) => {
    const file = files[request.url ?? ""];
    if (request.url === "/echo") {
      const body = Buffer.concat(await request.toArray()).toString();
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ method: request.method, body }));
    } else if (file === undefined) {
      response.writeHead(404).end();
    } else {
      response.writeHead(200, { "content-type": file[0], "set-cookie": "seen=yes; Path=/" });
      response.end(file[1]);
    }
  });
  await using pagoda = await Pagoda.start({ PROXY_UPSTREAM_ADDRS: upstream.url });
  const page = await browser().newPage();
  const problems: string[] = [];
  const loaded = new Map<string, number>();
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("requestfailed", (request) => problems.push(`${request.url()} ${request.failure()?.errorText}`));
  page.on("response", (response) => loaded.set(new URL(response.url()).pathname, response.status()));

  await page.goto(`${pagoda.url}/`, { waitUntil: "load" });
  await page.locator("#out", { hasText: "POST" }).waitFor();
  expect(await page.locator("#out").textContent()).toBe('POST {"a":1} seen=yes');
  expect(await page.locator("h1").textContent()).toBe("Grüße");
  expect(await page.title()).toBe("Pagode");
  // Evaluated in the page, whose globals these types lack.
  expect(await page.evaluate("getComputedStyle(document.querySelector('h1')).color")).toBe("rgb(1, 2, 3)");
  expect(await page.evaluate("document.images[0].naturalWidth")).toBe(1);
  loaded.delete("/favicon.ico");
  expect(Object.fromEntries(loaded)).toEqual({
    "/": 200,
    "/style.css": 200,
    "/app.js": 200,
    "/dot.png": 200,
    "/echo": 200,
  });
  expect(problems).toEqual([]);
  await page.close();
});

/** One pixel. */
function dot(): Buffer {
  const chunk = (type: string, data: Buffer): Buffer => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(data.length);
    const named = Buffer.concat([Buffer.from(type), data]);
    const sum = Buffer.alloc(4);
    sum.writeUInt32BE(crc32(named));
    return Buffer.concat([length, named, sum]);
  };
  const size = Buffer.from([0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0]);
  return Buffer.concat([
    Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
    chunk("IHDR", size),
    chunk("IDAT", deflateSync(Buffer.from([0, 0]))),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}
