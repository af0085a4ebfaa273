import { isLeft, systemClock } from "@pagoda/core";
import { virtualClock } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import { loadConfig, pluginLoader } from "../../src/config/load.ts";
import { builtInPolicies } from "../../src/policies/registry.ts";
import { Folder, through } from "../e2e/configured.ts";
import { modules, quota } from "../plugin-source.ts";

/** The problems of a configuration with these plugins, by file. */
async function problemsWith(
  plugins: Readonly<Record<string, string>>,
  policies: object = {},
): Promise<readonly string[]> {
  using folder = new Folder();
  for (const [name, source] of Object.entries(plugins)) folder.write(name, source);
  const names = Object.keys(plugins).map((name) => `./${name}`);
  const config = { plugins: names, ...through({ endpoints: ["http://a:1"] }, {}, policies) };
  const file = folder.write("pagoda.yaml", config);
  const loaded = await loadConfig({ file, env: {} });
  return isLeft(loaded) ? loaded.left.map((line) => line.replace(/^\S+ /, "")) : [];
}

const namesAt = (place: "listener" | "route"): string =>
  builtInPolicies[place].map(({ name }) => name).join(", ");

const definition = (fields: string): string =>
  `import { definePolicy } from ${JSON.stringify(modules.policy)};
   export default definePolicy({ name: "own", at: ["route"], layer() {}, answers: {},
     schema: ({ whole }) => whole(1, 9).optional(), ${fields} });`;

describe("a wrong plugin is a problem that names it:", () => {
  test.each<[what: string, source: string, problem: string]>([
    [
      "a function",
      "export default () => {};",
      "the default export must be a policy made by definePolicy (got a function)",
    ],
    [
      "an object without definePolicy",
      `export default { name: "own" };`,
      "the default export must be a policy made by definePolicy (got an object)",
    ],
    [
      "another version",
      `export default { [Symbol.for("@pagoda/proxy/policy")]: 2 };`,
      "must be made for version 1 of the contract of layers (got 2); use the major versions of @pagoda/core and @pagoda/proxy that this proxy has",
    ],
    [
      "a name with a hyphen",
      definition(`name: "my-own",`),
      'name must be 1 to 63 letters, digits and underscores, beginning with a letter (got "my-own")',
    ],
    ["no place", definition("at: [],"), "at must be a list of listener, route, cluster, endpoint (got [])"],
    [
      "an unknown place",
      definition(`at: ["rout"],`),
      'at must be a list of listener, route, cluster, endpoint (got ["rout"])',
    ],
    [
      "places with the same settings",
      definition(`at: ["cluster", "endpoint"],`),
      "at must not have both cluster and endpoint, whose settings are in one object",
    ],
    ["a number as a neighbour", definition("after: 5,"), "after must be the name of a policy (got 5)"],
    ["no layer", definition("layer: 5,"), "layer must be a function (got 5)"],
    ["a number as a check", definition("check: 5,"), "check must be a function (got 5)"],
    ["no answers", definition("answers: 5,"), "answers must be an object of responses by error (got 5)"],
    [
      "an answer with an invalid status",
      definition(`answers: { Own: { status: 99, message: "" } },`),
      'answers.Own must be { status: 200 to 599, message }, or a function (got {"status":99,"message":""})',
    ],
    ["events of another kind", definition("events: [],"), "events must be made by eventsOf (got [])"],
    [
      "a state whose effect is not a string",
      definition("state: { boundTo() {}, create() {}, perWorker: true },"),
      "state.perWorker must be a string (got true)",
    ],
    ["half a state", definition("state: {},"), "state must be { boundTo, create }, two functions (got {})"],
    ["a schema that throws", definition("schema() { throw new Error('no') },"), "schema failed: Error: no"],
    [
      "a schema of another kind",
      definition("schema: () => 5,"),
      "schema must return a schema made of the vocabulary that it is given (got 5)",
    ],
    [
      "a field that is required",
      definition("schema: ({ text }) => text,"),
      "schema must accept an absent field: make it optional, or give it a default",
    ],
    [
      "a schema that cannot be written",
      definition("schema: ({ text }) => text.transform((value) => value.length).optional(),"),
      "schema must not transform in one direction: use a codec, which /config can write",
    ],
    [
      "a name that is taken",
      definition(`name: "retry",`),
      'name "retry" is already the name of another policy',
    ],
    [
      "an error that the proxy answers",
      definition(`answers: { NoRoute: { status: 404, message: "" } },`),
      "answers.NoRoute is answered by the proxy itself; raise an error with a _tag of its own",
    ],
    [
      "a gRPC status other than that of another policy with the same error",
      definition(`answers: { RateLimited: { status: 429, message: "" } }, grpc: { RateLimited: "ABORTED" },`),
      'grpc.RateLimited must be that of the policy rateLimit, which raises it, too: RESOURCE_EXHAUSTED (got "ABORTED")',
    ],
    [
      "a neighbour in another place",
      definition(`at: ["listener", "route"], after: "retry",`),
      `after must be the name of a policy in the place listener (got "retry"); those are ${namesAt("listener")}`,
    ],
    [
      "a contradiction",
      definition(`after: "hedge", before: "timeout",`),
      `after hedge contradicts the order in the place route: ${namesAt("route")}; before is timeout`,
    ],
    ["a rejection of anything", "await Promise.reject(5);", "failed to load: 5"],
    ["a syntax error", "export default {", "failed to load: SyntaxError: Unexpected end of input"],
  ])("%s", async (_, source, problem) => {
    // Its field is not reported as unknown.
    expect(await problemsWith({ "own.js": source }, { own: 1 })).toEqual([
      `plugins[0]: ./own.js: ${problem}`,
    ]);
  });

  test("one that clashes with another plugin", async () => {
    const sources = { "one.js": definition(""), "two.js": definition("") };
    expect(await problemsWith(sources)).toEqual([
      'plugins[1]: ./two.js: name "own" is already the name of another policy',
    ]);
  });

  test("one that is listed twice", async () => {
    using folder = new Folder();
    folder.write("own.js", definition(""));
    const plugins = ["./own.js", "./../" + folder.path.split("/").at(-1) + "/own.js"];
    const file = folder.write("pagoda.yaml", { plugins, ...through({ endpoints: ["http://a:1"] }) });
    const loaded = await loadConfig({ file, env: {} });
    expect(isLeft(loaded) && loaded.left[0]).toContain("plugins[1]: ");
    expect(isLeft(loaded) && loaded.left[0]).toContain("is listed twice");
  });
});

test("settings of a plugin are checked like those of built-in policies", async () => {
  expect(await problemsWith({ "quota.js": quota() }, { quota: 0 })).toEqual([
    "listeners[0].routes[0].policies.quota: must be an integer from 1 to 1000 (got 0)",
  ]);
  const check = quota(`check(max, { path, report }) { if (max > 5) report(path, "is too many"); },`);
  expect(await problemsWith({ "quota.js": check }, { quota: 6 })).toEqual([
    "listeners[0].routes[0].policies.quota: is too many",
  ]);
  expect(await problemsWith({ "quota.js": check }, { quota: 5 })).toEqual([]);
  const throwing = quota("check() { throw new Error('no') },");
  expect((await problemsWith({ "quota.js": throwing }, { quota: 6 })).join()).toContain(
    "policy quota: check failed: no",
  );
});

describe("a plugin that hangs", () => {
  test.each([
    ["in a loop", "for (;;);"],
    ["in an await", "await new Promise((resolve) => setInterval(resolve, 1e9)); export default 1;"],
  ])("%s is ended, and a problem", async (_, source) => {
    using folder = new Folder();
    folder.write("own.js", source);
    const file = folder.write("pagoda.yaml", {
      plugins: ["./own.js"],
      ...through({ endpoints: ["http://a:1"] }),
    });
    const clock = virtualClock();
    const began = Promise.withResolvers<void>();
    const loader = pluginLoader({
      ...clock,
      setTimer(ms, run) {
        began.resolve();
        return clock.setTimer(ms, run);
      },
    });
    const loading = loadConfig({ file, env: {}, loader });
    await began.promise;
    await clock.advance(10_000);
    const loaded = await loading;
    expect(isLeft(loaded) && loaded.left).toEqual([
      `${file}:1:13: plugins[0]: ./own.js: must load within 10 s`,
    ]);
  });
});

test("a plugin is loaded once, however often the configuration is", async () => {
  using folder = new Folder();
  folder.write("quota.js", quota());
  const config = { plugins: ["./quota.js"], ...through({ endpoints: ["http://a:1"] }, {}, { quota: 1 }) };
  const file = folder.write("pagoda.yaml", config);
  const loader = pluginLoader(systemClock);
  const load = async () => {
    const loaded = await loadConfig({ file, env: {}, loader });
    if (isLeft(loaded)) throw new Error(loaded.left.join());
    return loaded.right;
  };
  const first = await load();
  expect(first.warnings).toEqual([]);
  expect(first.watched).toContain(folder.file("quota.js"));
  folder.write("quota.js", "for (;;);");
  const second = await load();
  expect(second.policies.route.at(-1)).toBe(first.policies.route.at(-1));
  expect(second.warnings).toEqual([
    `${file}:1:13: plugins[0]: ./quota.js: has changed; restart or replace the process (SIGUSR2) to use it`,
  ]);
});

describe("state of each worker", () => {
  const source = (state: string): string =>
    definition(`at: ["listener", "route", "cluster"], state: { boundTo() {}, create() {}, ${state} },`);
  const its = { policies: { own: 1 } };

  async function adviceFor(source: string, workers: object, env = {}): Promise<readonly string[]> {
    using folder = new Folder();
    folder.write("own.js", source);
    const config = through({ endpoints: ["http://127.0.0.1:1"], ...its }, its, { own: 1 });
    const file = folder.write("pagoda.yaml", { plugins: ["./own.js"], ...config, ...workers });
    const loaded = await loadConfig({ file, env });
    if (isLeft(loaded)) throw new Error(loaded.left.join("\n"));
    return loaded.right.advice.map((line) => line.replace(/^\S+ /, ""));
  }

  test("is a warning for every place of a policy for which it matters", async () => {
    const message = "each worker has its own state: keys are forgotten; use workers: 1";
    expect(await adviceFor(source('perWorker: "keys are forgotten"'), {})).toEqual([
      `listeners[0].routes[0].policies.own: ${message}`,
      `listeners[0].policies.own: ${message}`,
      `clusters.origin.policies.own: ${message}`,
    ]);
  });

  test("does not matter with one worker, or without an effect", async () => {
    expect(await adviceFor(source('perWorker: "keys are forgotten"'), { workers: 1 })).toEqual([]);
    expect(
      await adviceFor(source('perWorker: "keys are forgotten"'), { workers: 2 }, { PROXY_WORKERS: "1" }),
    ).toEqual([]);
    expect(await adviceFor(source(""), {})).toEqual([]);
  });
});
