import { describe, expect, test } from "vitest";
import { memory, quota } from "../plugin-source.ts";
import { call } from "./client.ts";
import { configured, Folder, through } from "./configured.ts";
import { type Origin, named } from "./origin.ts";
import { type Pagoda, run, successorOf } from "./program.ts";

/** A configuration whose route has the policy `quota`. */
function limited({ url }: Pick<Origin, "url">, max: unknown, plugins = ["./policies/quota.ts"]): object {
  return { plugins, ...through({ endpoints: [url] }, {}, { quota: max }) };
}

/** A folder with the plugin. */
function pluginFolder(source = quota()): Folder {
  const folder = new Folder();
  folder.write("policies/quota.ts", source);
  return folder;
}

async function statuses(pagoda: Pagoda, count: number): Promise<number[]> {
  const all: number[] = [];
  for (let at = 0; at < count; at++) all.push((await call(pagoda.url)).status);
  return all;
}

async function reload(pagoda: Pagoda): Promise<{ readonly status: number; readonly text: string }> {
  const response = await fetch(`${pagoda.adminUrl}/reload`, { method: "POST" });
  return { status: response.status, text: await response.text() };
}

describe("a policy of one's own", () => {
  test.each([
    ['queueMicrotask(() => { throw new Error("out of luck"); });', "out of luck"],
    ["process.exit(3);", "it exited"],
  ])(
    "that ends its worker at the start, by %s, ends the program with the reason",
    async (inWorker, reason) => {
      await using shop = await named("shop");
      using folder = pluginFolder(`if (process.send !== undefined) { ${inWorker} }\n${quota()}`);
      const file = folder.write("pagoda.yaml", limited(shop, 2));
      const { code, output } = await run({ PROXY_CONFIG: file, PROXY_LISTEN_ADDR: "", PROXY_WORKERS: "1" });
      expect(code).toBe(1);
      const fatal = output.split("\n").find((line) => line.includes('"level":60')) ?? output;
      expect(JSON.parse(fatal)).toMatchObject({ msg: `worker 0 died before it served: ${reason}` });
    },
  );

  test("is configured, answered, counted and shown like a built-in one", async () => {
    await using shop = await named("shop");
    using folder = pluginFolder();
    await using pagoda = await configured(folder, limited(shop, 2));
    expect(await statuses(pagoda, 2)).toEqual([200, 200]);
    const { status, body } = await call(pagoda.url);
    expect([status, body]).toEqual([429, expect.stringContaining("429 quota of 2 calls spent")]);
    const grpc = await call(pagoda.url, { headers: { "content-type": "application/grpc" } });
    expect(grpc.message.headers["grpc-status"]).toBe("8");
    const { text } = await pagoda.admin("/stack");
    expect(text).toContain('{"name":"quota","options":{"max":2}');
    expect(text.indexOf('"name":"quota"')).toBeLessThan(text.indexOf('"name":"timeout"'));
    expect(await pagoda.metric("stack_events_total", { layer: "quota", event: "refused" })).toBe(2);
    expect(await pagoda.metric("http_local_responses_total", { reason: "QuotaSpent" })).toBe(2);
    expect(JSON.parse((await pagoda.admin("/config")).text)).toMatchObject({
      plugins: ["./policies/quota.ts"],
      listeners: [{ routes: [{ policies: { quota: 2 } }] }],
    });
  });

  test.each<[string, object, object, object]>([
    ["listener", {}, { policies: { memory: true } }, {}],
    ["route", {}, {}, { memory: true }],
    ["cluster", { policies: { memory: true } }, {}, {}],
  ])("on a %s may respond by itself, and handle errors", async (_, cluster, listener, route) => {
    const shop = await named("shop");
    using folder = new Folder();
    folder.write("policies/memory.ts", memory);
    const endpoints = { endpoints: [shop.url], ...cluster };
    await using pagoda = await configured(folder, {
      plugins: ["./policies/memory.ts"],
      ...through(endpoints, listener, route),
    });
    const answers = async (path: string, method = "GET") => {
      const { status, body } = await call(`${pagoda.url}${path}`, { method });
      return `${status} ${body}`;
    };
    expect(await answers("/a")).toBe("200 shop");
    expect(await answers("/a", "POST")).toBe("200 remembered shop");
    await shop[Symbol.asyncDispose]();
    expect(await answers("/a")).toBe("200 remembered shop");
    expect(await answers("/b")).toBe("200 closed");
    expect(await pagoda.metric("http_defects_total")).toBe(0);
  });

  test("comes from a package that is installed beside the configuration", async () => {
    await using shop = await named("shop");
    using folder = new Folder();
    folder.write("node_modules/@acme/pagoda-quota/package.json", {
      type: "module",
      exports: { import: "./quota.js" },
    });
    folder.write("node_modules/@acme/pagoda-quota/quota.js", quota());
    await using pagoda = await configured(folder, limited(shop, 1, ["@acme/pagoda-quota"]));
    expect(await statuses(pagoda, 2)).toEqual([200, 429]);
  });

  test("keeps its state over reloads, and goes and comes with the list", async () => {
    await using shop = await named("shop");
    using folder = pluginFolder();
    await using pagoda = await configured(folder, limited(shop, 2));
    expect(await statuses(pagoda, 3)).toEqual([200, 200, 429]);
    folder.write("pagoda.yaml", limited(shop, 3));
    expect(await reload(pagoda)).toEqual({ status: 200, text: "reloaded\n" });
    expect(await statuses(pagoda, 2)).toEqual([200, 429]);
    folder.write("pagoda.yaml", through({ endpoints: [shop.url] }));
    expect((await reload(pagoda)).status).toBe(200);
    expect(await statuses(pagoda, 1)).toEqual([200]);
    expect((await pagoda.admin("/stack")).text).not.toContain("quota");
    folder.write("pagoda.yaml", limited(shop, 1));
    expect((await reload(pagoda)).status).toBe(200);
    expect(await statuses(pagoda, 2)).toEqual([200, 429]);
  });

  test("that throws costs one request, which gets 500", async () => {
    await using shop = await named("shop");
    using folder = pluginFolder();
    await using pagoda = await configured(folder, limited(shop, 9));
    expect((await call(pagoda.url, { headers: { "x-throw": "1" } })).status).toBe(500);
    expect(JSON.stringify(await pagoda.log(({ err }) => err !== undefined))).toContain("thrown by a plugin");
    expect(await pagoda.metric("http_defects_total")).toBe(1);
    expect(await statuses(pagoda, 1)).toEqual([200]);
    expect(await pagoda.metric("pagoda_worker_restarts_total")).toBe(0);
  });

  test("runs in every worker", async () => {
    await using shop = await named("shop");
    using folder = pluginFolder();
    await using pagoda = await configured(folder, limited(shop, 1), { PROXY_WORKERS: "2" });
    const { text } = await pagoda.admin("/stack");
    expect(text.match(/"name":"quota","options":\{"max":1\}/g)).toHaveLength(2);
    // Each worker counts for itself.
    const all = await Promise.all(Array.from({ length: 40 }, () => call(pagoda.url, { agent: false })));
    const passed = all.filter(({ status }) => status === 200).length;
    expect([1, 2]).toContain(passed);
  });
});

describe("a plugin that cannot be used", () => {
  test("is a problem of `check` and at start, with its name", async () => {
    using folder = new Folder();
    folder.write("throws.js", `throw new Error("no tenants");`);
    folder.write("exits.js", `process.exit(3);`);
    folder.write("none.js", "export const policy = 1;");
    folder.write("misplaced.js", quota('name: "misplaced", before: "timeuot", answers: {}, grpc: {},'));
    folder.write("newer.js", `export default { [Symbol.for("@pagoda/proxy/policy")]: 99, name: "newer" };`);
    const names = ["throws", "exits", "none", "missing", "newer"].map((name) => `./${name}.js`);
    const file = folder.write("pagoda.yaml", {
      plugins: [...names, "@acme/none"],
      ...through({ endpoints: ["http://127.0.0.1:9"] }, {}, { quota: 1 }),
    });
    const checked = await run({}, "check", "-c", file);
    expect(checked.code).toBe(2);
    expect(checked.output.trimEnd().split("\n")).toEqual([
      expect.stringContaining("plugins[0]: ./throws.js: failed to load: Error: no tenants"),
      expect.stringContaining("plugins[1]: ./exits.js: must not end the process (got exit code 3)"),
      expect.stringContaining(
        "plugins[2]: ./none.js: the default export must be a policy made by definePolicy (got none)",
      ),
      expect.stringContaining(`plugins[3]: ./missing.js: must be the path of a module`),
      expect.stringContaining("plugins[4]: ./newer.js: must be made for version 1 of the contract"),
      expect.stringContaining("plugins[5]: @acme/none: must be a package that is installed beside"),
    ]);
    const started = await run({ PROXY_CONFIG: file });
    expect(started.code).toBe(2);
    expect(started.output).toContain("./throws.js: failed to load: Error: no tenants");
    folder.write("pagoda.yaml", { plugins: ["./misplaced.js"], ...through({ endpoints: ["http://a:1"] }) });
    expect((await run({}, "check", "-c", file)).output).toContain(
      'plugins[0]: ./misplaced.js: before must be the name of a policy in the place route (got "timeuot"); did you mean timeout?',
    );
  });

  test("keeps the previous configuration until it is corrected", async () => {
    await using shop = await named("shop");
    using folder = new Folder();
    await using pagoda = await configured(folder, through({ endpoints: [shop.url] }));
    for (const broken of [`throw new Error("no tenants");`, "export default 1;"]) {
      folder.write("policies/quota.ts", broken);
      folder.write("pagoda.yaml", limited(shop, 1));
      const { status, text } = await reload(pagoda);
      expect(status).toBe(422);
      expect(text).toContain("plugins[0]: ./policies/quota.ts: ");
      expect(await statuses(pagoda, 1)).toEqual([200]);
    }
    folder.write("policies/quota.ts", quota());
    expect((await reload(pagoda)).status).toBe(200);
    expect(await statuses(pagoda, 2)).toEqual([200, 429]);
  });

  test("because its layer rejects its settings changes nothing", async () => {
    await using shop = await named("shop");
    using folder = pluginFolder(quota(`layer() { throw new Error("not today"); },`));
    await using pagoda = await configured(folder, through({ endpoints: [shop.url] }));
    folder.write("pagoda.yaml", limited(shop, 1));
    const { status, text } = await reload(pagoda);
    expect([status, text]).toEqual([
      422,
      expect.stringContaining("policy quota, listener main, route all: not today"),
    ]);
    expect(await statuses(pagoda, 1)).toEqual([200]);
  });
});

test("a change of a file that a plugin imports is reported, too", async () => {
  await using shop = await named("shop");
  using folder = new Folder();
  folder.write("policies/shared/words.js", 'export const word = "quota";');
  folder.write("policies/words.ts", 'export { word } from "./shared/words.js";');
  folder.write("policies/quota.ts", `import "./words.ts";${quota()}`);
  await using pagoda = await configured(folder, limited(shop, 1));
  folder.write("policies/shared/words.js", 'export const word = "other";');
  const { warnings } = await pagoda.log("configuration valid, with warnings");
  expect(String(warnings)).toContain("plugins[0]: ./policies/quota.ts: has changed; restart or replace");
});

test("a changed plugin is reported, and takes effect when the process is replaced", async () => {
  await using shop = await named("shop");
  using folder = pluginFolder();
  await using pagoda = await configured(folder, limited(shop, 1));
  expect(await statuses(pagoda, 2)).toEqual([200, 429]);
  folder.write("policies/quota.ts", quota().replace("quota of", "new quota of"));
  const { warnings } = await pagoda.log("configuration valid, with warnings");
  expect(String(warnings)).toContain("plugins[0]: ./policies/quota.ts: has changed; restart or replace");
  expect((await call(pagoda.url)).body).not.toContain("new quota");
  using _successor = successorOf(pagoda);
  pagoda.kill("SIGUSR2");
  await pagoda.log("drained");
  expect((await call(pagoda.url)).status).toBe(200);
  expect((await call(pagoda.url)).body).toContain("new quota");
});
