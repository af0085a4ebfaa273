import axe from "axe-core";
import type { BrowserContextOptions } from "playwright-core";
import { describe, expect, test } from "vitest";
import { Viewed, withBrowser } from "./browser.ts";
import { bodies, call } from "./client.ts";
import { anywhere, configured, Folder, through } from "./configured.ts";
import { origin, refusing } from "./origin.ts";
import { quietPort } from "./quiet-port.ts";
import { SteadyCalls } from "./steady-calls.ts";
import { needs } from "./system.ts";

needs("chromium");
const browser = withBrowser();

/** As a path, a condition of a route, and a header field. */
const hostile = "<img src=x onerror=alert(1)>";

/** A proxy with a route that works, one that fails and one that answers itself. */
function shop(endpoint: string) {
  return {
    recorder: { sample: "100%", headers: ["x-hostile"] },
    listeners: [
      {
        ...anywhere,
        name: "web",
        policies: { rateLimit: { global: { rate: "1000/s", burst: 1000 } } },
        routes: [
          { name: "api", match: { path: "/api" }, cluster: "shop", policies: { timeout: "5s" } },
          { name: "down", match: { path: "/down" }, cluster: "nowhere" },
          { name: "odd", match: { path: { regex: `/${hostile}` } }, respond: { status: 204 } },
        ],
      },
    ],
    clusters: { shop: { endpoints: [endpoint] }, nowhere: { endpoints: [refusing] } },
  };
}

/** What axe finds; nothing if the page can be used with a screen reader, as far as a program can know. */
async function violations(viewed: Viewed): Promise<readonly string[]> {
  await viewed.evaluate(axe.source);
  return viewed.evaluate(
    `axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ": " + nodes[0].html))`,
  );
}

describe.each([
  { colorScheme: "light", width: 1_280 },
  { colorScheme: "dark", width: 1_280 },
  { colorScheme: "light", width: 390 },
  { colorScheme: "dark", width: 390 },
] as const)("$colorScheme, $width pixels", ({ colorScheme, width }) => {
  test("every view of the live page can be read by a screen reader, and none is wider than the screen", async () => {
    await using upstream = await origin((_request, response) => response.end("ok"));
    using folder = new Folder();
    const config = shop(upstream.url);
    const clusters = { ...config.clusters, [`long-${"x".repeat(58)}`]: { endpoints: [upstream.url] } };
    await using pagoda = await configured(folder, { ...config, clusters }, { PROXY_WORKERS: "2" });
    const { message } = await call(`${pagoda.url}/down`);
    const options: BrowserContextOptions = { colorScheme, viewport: { width, height: 900 } };
    const id = String(message.headers["x-request-id"]);
    for (const [path, expected] of [
      ["/", "api"],
      ["/?open=route%20web%2Fapi", "timeout"],
      ["/?open=cluster%20shop", "healthy"],
      ["/?open=workers", "worker 0"],
      ["/?view=requests", "/down"],
      [`/?view=request&id=${id}`, "Step by step"],
    ] as const) {
      await using viewed = await Viewed.open(browser(), pagoda.adminUrl + path, options);
      await viewed.page.locator("main").getByText(expected).first().waitFor();
      expect({ path, violations: await violations(viewed) }).toEqual({ path, violations: [] });
      expect(await viewed.evaluate("document.documentElement.scrollWidth")).toBe(width);
      expect(viewed.problems).toEqual([]);
      expect(Array.from(viewed.origins)).toEqual([pagoda.adminUrl]);
    }
  });
});

test("the live page shows listeners, routes with their policies, clusters and workers", async () => {
  await using upstream = await origin((_request, response) => response.end("ok"));
  using folder = new Folder();
  await using pagoda = await configured(folder, shop(upstream.url), { PROXY_WORKERS: "2" });
  await using viewed = await Viewed.open(browser(), pagoda.adminUrl);
  const { page } = viewed;
  await page.getByRole("row", { name: /api path prefix \/api/ }).waitFor();
  const listener = page.getByRole("heading", { level: 3, name: "web" });
  expect(await listener.textContent()).toContain(pagoda.url);
  await page.getByRole("button", { name: "api" }).click();
  expect(await page.getByRole("list", { name: "policies of route api" }).textContent()).toContain(
    "timeout 5s",
  );
  await page.getByRole("heading", { name: "Workers 2 serving" }).getByRole("button").click();
  const workers = page.getByRole("region", { name: "processes" }).getByRole("row");
  for (const pid of await pagoda.workers()) await workers.filter({ hasText: String(pid) }).waitFor();
});

test("the live page can be used with the keyboard alone", async () => {
  await using upstream = await origin((_request, response) => response.end("ok"));
  using folder = new Folder();
  await using pagoda = await configured(folder, shop(upstream.url));
  await using viewed = await Viewed.open(browser(), pagoda.adminUrl);
  const { page } = viewed;
  await page.getByRole("button", { name: "api" }).waitFor();
  const focused = (): Promise<string> =>
    viewed.evaluate(
      "document.activeElement.textContent + ' ' + getComputedStyle(document.activeElement).outlineStyle",
    );

  await page.keyboard.press("Tab");
  expect(await focused()).toBe("Skip to the content solid");
  const passed: string[] = [];
  while (!passed.at(-1)?.startsWith("▸ api")) {
    await page.keyboard.press("Tab");
    passed.push(await focused());
    if (passed.length > 50) throw new Error(`no way to the route: ${passed.join("; ")}`);
  }
  // Every element shows that it has the focus.
  expect(passed.filter((each) => !/ (?:solid|auto)$/.test(each))).toEqual([]);
  await page.keyboard.press("Enter");
  await page.getByRole("list", { name: "policies of route api" }).waitFor();
  expect(new URL(page.url()).searchParams.get("open")).toBe("route web/api");
  await page.goBack();
  await page.getByRole("list", { name: "policies of route api" }).waitFor({ state: "detached" });
});

test("the filters of the live page are in its address", async () => {
  await using upstream = await origin((_request, response) => response.end("ok"));
  using folder = new Folder();
  await using pagoda = await configured(folder, shop(upstream.url));
  await using viewed = await Viewed.open(browser(), `${pagoda.adminUrl}/?q=down`);
  const { page } = viewed;
  const rows = page.getByRole("region", { name: "routes of listener web" }).getByRole("rowheader");
  await rows.first().waitFor();
  expect(await rows.allTextContents()).toEqual(["▸ downpath prefix /down"]);

  const filter = page.getByRole("searchbox", { name: "Filter" });
  await filter.fill("api");
  await rows.filter({ hasText: "api" }).waitFor();
  await page.getByRole("combobox", { name: "Cluster" }).selectOption("shop");
  expect(new URL(page.url()).search).toBe("?q=api&cluster=shop");
  await page.reload();
  await rows.first().waitFor();
  expect(await rows.allTextContents()).toEqual(["▸ apipath prefix /api"]);
  // A choice is a step back; letters are not.
  await page.goBack();
  expect(new URL(page.url()).search).toBe("?q=api");
});

test("names from outside are shown as text, whatever they contain", async () => {
  await using upstream = await origin((_request, response) => response.end("ok"));
  using folder = new Folder();
  await using pagoda = await configured(folder, shop(upstream.url));
  const path = `/down/${encodeURIComponent(hostile)}<img/src=x/onerror=alert(1)>`;
  const { message } = await call(pagoda.url + path, { headers: { "x-hostile": hostile } });
  const id = String(message.headers["x-request-id"]);
  await using viewed = await Viewed.open(browser(), pagoda.adminUrl);
  const { page } = viewed;
  await page.getByRole("row", { name: hostile }).waitFor();
  await page.goto(`${pagoda.adminUrl}/?view=request&id=${id}`);
  await page.locator("main").getByText(`x-hostile: ${hostile}`).waitFor();
  expect(await viewed.evaluate("document.querySelectorAll('img, script:not([src])').length")).toBe(0);
  expect(viewed.problems).toEqual([]);
});

test("a red number leads to the requests behind it, and one of them to what happened to it", async () => {
  await using upstream = await origin((_request, response) => response.end("ok"));
  using folder = new Folder();
  await using pagoda = await configured(folder, shop(upstream.url), { PROXY_WORKERS: "2" });
  await using _calls = new SteadyCalls(`${pagoda.url}/down/there`);
  await using viewed = await Viewed.open(browser(), pagoda.adminUrl);
  const { page } = viewed;
  const row = page.getByRole("row", { name: /^down / });
  await row.getByRole("link", { name: /failed: show the requests/ }).click();
  expect(new URL(page.url()).searchParams.get("reason")).toBe("failed");
  expect(new URL(page.url()).searchParams.get("route")).toBe("down");
  const found = page
    .getByRole("region", { name: "requests" })
    .getByRole("row", { name: /GET \/down\/there 502/ });
  await found.first().getByRole("link").click();
  await page.getByRole("heading", { name: "Step by step" }).waitFor();
  expect(await page.locator(".steps").textContent()).toContain("try 1: http://127.0.0.1:1: ConnectFailed");
  expect(viewed.problems).toEqual([]);
  await page.goBack();
  await page.goBack();
  await row.waitFor();
});

test("the list of requests says how many have come since, and the page of one begins with what happened", async () => {
  await using upstream = await origin((_request, response) => response.end("ok"));
  using folder = new Folder();
  await using pagoda = await configured(folder, shop(upstream.url));
  await call(`${pagoda.url}/down`);
  await using viewed = await Viewed.open(browser(), `${pagoda.adminUrl}/?view=requests`);
  const { page } = viewed;
  await page.getByRole("button", { name: "Refresh" }).waitFor();
  await call(`${pagoda.url}/api`);
  await call(`${pagoda.url}/nowhere`);
  await page.getByRole("button", { name: "Show 2 new" }).click();
  const row = page.getByRole("row", { name: /GET \/nowhere 404/ });
  await row.waitFor();
  await page.getByRole("button", { name: "Refresh" }).waitFor();
  await row.getByRole("link").click();
  await page.getByRole("heading", { level: 2, name: /^refused by the proxy: NoRoute/ }).waitFor();
  // Names of commands and settings are code, without the signs around them.
  const hints = page.getByRole("list", { name: "hints" });
  expect(await hints.locator("code").first().textContent()).toMatch(/^pagoda explain GET http/);
  expect(await page.locator("main").textContent()).not.toContain("`");
  expect(viewed.problems).toEqual([]);
});

test("an endpoint that fails is shown as ejected, with its reason and its end", async () => {
  await using bad = await origin((_request, response) => response.writeHead(500).end());
  await using good = await origin((_request, response) => response.end("ok"));
  using folder = new Folder();
  const outliers = { consecutiveFailures: 3, ejection: "300s", maxEjected: "50%" };
  const cluster = { endpoints: [bad.url, good.url], outliers };
  await using pagoda = await configured(folder, through(cluster), { PROXY_WORKERS: "2" });
  await using calls = new SteadyCalls(pagoda.url);
  await using viewed = await Viewed.open(browser(), pagoda.adminUrl);
  const { page } = viewed;
  await page
    .locator(".problems")
    .getByText(new RegExp(`^origin: ${bad.url} ejected: consecutive-failures, workers? .*, ends in \\d`))
    .waitFor();
  await page.getByRole("heading", { name: "1 of 2 endpoints in rotation" }).waitFor();
  const row = page.getByRole("row", { name: new RegExp(`^${bad.url}`) });
  expect(await row.textContent()).toContain("ejected: consecutive-failures");
  // All calls go to the other one, and have a rate and latencies.
  await calls.only("ok");
  await page
    .getByRole("row", { name: new RegExp(`^${good.url} healthy [\\d,.]+/s 0/s 0/s [\\d.]+ m?s`) })
    .waitFor();
});

test("a worker that is killed is replaced in the live page", async () => {
  await using upstream = await origin((_request, response) => response.end("ok"));
  using folder = new Folder();
  await using pagoda = await configured(folder, shop(upstream.url), { PROXY_WORKERS: "2" });
  await using viewed = await Viewed.open(browser(), `${pagoda.adminUrl}/#workers`);
  const rows = viewed.page.getByRole("region", { name: "processes" }).getByRole("row", { name: /^worker/ });
  const [first = 0, second = 0] = await pagoda.workers();
  await rows.filter({ hasText: String(first) }).waitFor();
  process.kill(first, "SIGKILL");
  await rows.filter({ hasText: String(first) }).waitFor({ state: "detached" });
  await rows.filter({ hasText: String(second) }).waitFor();
  await rows.nth(1).waitFor();
});

test("a reload appears in the live page with its changes, and a rejected one with its problems", async () => {
  await using upstream = await origin((_request, response) => response.end("ok"));
  using folder = new Folder();
  await using pagoda = await configured(folder, shop(upstream.url));
  await using viewed = await Viewed.open(browser(), pagoda.adminUrl);
  const { page } = viewed;
  await page.getByRole("heading", { name: "Reloads none" }).getByRole("button").click();
  await page.getByText("No reloads since the start").waitFor();
  folder.write("pagoda.yaml", JSON.stringify(shop(upstream.url)).replace("5s", "7s"));
  await fetch(`${pagoda.adminUrl}/reload`, { method: "POST" });
  const applied = page.locator(".reloads > li").filter({ hasText: "applied" });
  await applied.locator("summary").click();
  expect(await applied.locator("del").textContent()).toContain("5s");
  expect(await applied.locator("ins").textContent()).toContain("7s");

  folder.write("pagoda.yaml", JSON.stringify(shop(upstream.url)).replace("5s", "2 parsecs"));
  await fetch(`${pagoda.adminUrl}/reload`, { method: "POST" });
  const problem = page
    .locator(".problems")
    .getByText(/rejected .* the previous configuration stays: .*parsecs/);
  await problem.waitFor();
  // What is wrong cannot be folded.
  const heading = page.getByRole("heading", { name: /^Reloads the last rejected/ });
  expect(await heading.getByRole("button").count()).toBe(0);
  await page.goto(pagoda.adminUrl);
  await page.locator(".reloads > li").filter({ hasText: "rejected" }).first().waitFor();
});

test("the live page says that its connection is lost, and comes back by itself", async () => {
  await using upstream = await origin((_request, response) => response.end("ok"));
  using folder = new Folder();
  const env = { PROXY_METRICS_ADDR: `127.0.0.1:${await quietPort()}` };
  await using viewed = await (async () => {
    await using pagoda = await configured(folder, shop(upstream.url), env);
    const open = await Viewed.open(browser(), pagoda.adminUrl);
    await open.page.getByText(/^live/).waitFor();
    return open;
  })();
  const { page } = viewed;
  await page.getByText("Connection lost; the figures are old.").waitFor();
  expect(await page.locator("main").getAttribute("class")).toBe("stale");
  // The old figures stay.
  expect(await page.getByRole("button", { name: "api" }).count()).toBe(1);
  await using again = await configured(folder, shop(upstream.url), env);
  await page.getByText(`pid ${again.pid}`).waitFor();
  expect(await page.locator("main").getAttribute("class")).toBe("");
});

describe("actions of the live page", () => {
  const token = "0123456789abcdef0123456789abcdef";

  test("take the token, say what has happened, and ask before a drain", async () => {
    await using upstream = await origin((_request, response) => response.end("ok"));
    using folder = new Folder();
    folder.write("admin.token", token);
    const admin = { address: "127.0.0.1:0", tokenFile: "admin.token" };
    await using pagoda = await configured(folder, { ...shop(upstream.url), admin });
    await using viewed = await Viewed.open(browser(), `${pagoda.adminUrl}/#actions`);
    const { page } = viewed;
    const reload = page.getByRole("button", { name: "Reload", exact: true });
    await reload.waitFor();
    expect(await reload.isDisabled()).toBe(true);
    await page.getByLabel("Token").fill("wrong".repeat(8));
    await reload.click();
    const result = page.getByRole("status").filter({ hasText: /^Reload: / });
    await result.getByText("wrong token").waitFor();
    await page.getByLabel("Token").fill(token);
    await reload.click();
    await result.getByText("reloaded").waitFor();
    // Chromium reports the response 401, too.
    expect(viewed.problems.filter((each) => !each.includes("401"))).toEqual([]);
    expect(
      await viewed.evaluate("JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])"),
    ).toBe(`[{},{},""]`);

    await page.getByRole("combobox", { name: "Log level" }).selectOption("debug");
    await page.getByRole("button", { name: "Set log level" }).click();
    await page.getByText("log level debug").waitFor();

    await page.getByRole("button", { name: "Drain" }).click();
    const dialog = page.getByRole("dialog", { name: "Drain" });
    expect(await violations(viewed)).toEqual([]);
    await dialog.getByRole("button", { name: "Cancel" }).click();
    expect((await pagoda.admin("/ready")).status).toBe(200);
    await page.getByRole("button", { name: "Drain" }).click();
    await dialog.getByRole("button", { name: "Drain" }).click();
    expect((await pagoda.exit).code).toBe(0);
  });

  test("take out an endpoint and return it", async () => {
    await using one = await origin((_request, response) => response.end("one"));
    await using two = await origin((_request, response) => response.end("two"));
    await using three = await origin((_request, response) => response.end("three"));
    using folder = new Folder();
    folder.write("admin.token", token);
    const admin = { address: "127.0.0.1:0", tokenFile: "admin.token" };
    const config = through({ endpoints: [one.url, two.url, three.url] });
    await using pagoda = await configured(folder, { ...config, admin }, { PROXY_WORKERS: "2" });
    await using viewed = await Viewed.open(browser(), pagoda.adminUrl);
    const { page } = viewed;
    const row = page.getByRole("row", { name: new RegExp(`^${one.url}`) });
    await row.waitFor();
    expect(await row.getByRole("button").count()).toBe(0);
    await page.getByRole("button", { name: "Actions" }).click();
    await page.getByLabel("Token").fill(token);
    await row.getByRole("button", { name: `Take out ${one.url}` }).click();
    await page.getByRole("dialog", { name: "Take out" }).getByRole("button", { name: "Take out" }).click();
    await row.getByText(/ejected by an operator.*ends in \d+ min/).waitFor();
    expect(new Set(await bodies(pagoda.url, 20))).toEqual(new Set(["two", "three"]));
    await row.getByRole("button", { name: `Return ${one.url}` }).click();
    await row.getByText("healthy", { exact: true }).waitFor();
    expect(new Set(await bodies(pagoda.url, 20))).toContain("one");
    expect(viewed.problems).toEqual([]);
  });

  test("are not offered without a token in the configuration", async () => {
    await using upstream = await origin((_request, response) => response.end("ok"));
    using folder = new Folder();
    await using pagoda = await configured(folder, shop(upstream.url));
    await using viewed = await Viewed.open(browser(), pagoda.adminUrl);
    await viewed.page.getByRole("heading", { name: "Actions read only" }).getByRole("button").click();
    await viewed.page.getByText("This page can only be read").waitFor();
    expect(await viewed.page.getByRole("button", { name: "Reload", exact: true }).count()).toBe(0);
  });
});
