import { describe, expect, test } from "vitest";
import { certified } from "./certified.ts";
import { bodies, call } from "./client.ts";
import { configured, through } from "./configured.ts";
import { kubernetesApi } from "./kubernetes-api.ts";
import { named } from "./origin.ts";
import { Program, run, until } from "./program.ts";

const kubernetes = { service: "shop", namespace: "default", port: "http" };

describe("a cluster with the endpoints of a Kubernetes service", () => {
  test("follows their changes in all workers, with one watch", async () => {
    await using one = await named("one");
    await using two = await named("two");
    using folder = certified();
    await using api = await kubernetesApi(folder);
    api.set(one);
    const config = { ...through({ kubernetes }), kubernetes: api.reach };
    await using pagoda = await configured(folder, config, { PROXY_WORKERS: "2" });
    expect(await bodies(pagoda.url, 8)).toEqual(Array.from({ length: 8 }, () => "one"));
    await api.until(({ watches }) => watches === 1);
    api.set(one, two);
    await until(
      () => pagoda.admin("/clusters"),
      ({ text }) => text.split(`"http://127.0.0.1:${two.port}"`).length === 2,
    );
    await until(
      () => bodies(pagoda.url, 8),
      (seen) => seen.includes("two"),
    );
    api.set(two);
    await until(
      () => bodies(pagoda.url, 16),
      (seen) => !seen.includes("one"),
    );
    expect(api.watches).toBe(1);
    expect((await pagoda.admin("/clusters")).text).toContain('"zones":{"a":1}');
  });

  test("keeps them while the API server does not answer, and follows it again after that", async () => {
    await using one = await named("one");
    await using two = await named("two");
    using folder = certified();
    await using api = await kubernetesApi(folder);
    api.set(one);
    await using pagoda = await configured(folder, { ...through({ kubernetes }), kubernetes: api.reach });
    const connected = () => pagoda.metric("pagoda_kubernetes_connected", { service: "shop" });
    await until(connected, (value) => value === 1);
    api.refuse(403);
    const line = await pagoda.log("endpoint discovery failed; keeping the last known endpoints");
    expect(line).toMatchObject({ level: 40, namespace: "default", service: "shop", known: 1 });
    await pagoda.log(({ fault }) => Object(fault).status === 403);
    expect(await connected()).toBe(0);
    await until(
      () => pagoda.admin("/clusters"),
      ({ text }) => /"reason":"kubernetes: 403 from https:[^"]*: not now"/.test(text),
    );
    expect(await bodies(pagoda.url, 4)).toEqual(["one", "one", "one", "one"]);
    const [worker] = await pagoda.workers();
    process.kill(worker as number, "SIGKILL");
    await pagoda.log("worker restarted");
    expect(await bodies(pagoda.url, 4)).toEqual(["one", "one", "one", "one"]);
    api.refuse(200);
    expect(await pagoda.log("endpoint discovery works again")).toMatchObject({ level: 30, known: 1 });
    api.set(two);
    await until(
      () => bodies(pagoda.url, 2),
      (seen) => !seen.includes("one"),
    );
    await until(
      () => pagoda.admin("/clusters"),
      ({ text }) => !text.includes('"reason":"kubernetes'),
    );
    expect(await pagoda.metric("pagoda_kubernetes_watches_total")).toBeGreaterThan(1);
    expect(await pagoda.metric("pagoda_kubernetes_last_event_timestamp_seconds")).toBeGreaterThan(1e9);
  });

  test("serves when the first list has arrived", async () => {
    await using one = await named("one");
    using folder = certified();
    await using api = await kubernetesApi(folder);
    api.set(one);
    api.hold(true);
    const starting = configured(folder, { ...through({ kubernetes }), kubernetes: api.reach });
    let isServing = false;
    void starting.then(() => (isServing = true));
    await api.until(({ held }) => held === 1);
    expect(isServing).toBe(false);
    api.hold(false);
    await using pagoda = await starting;
    expect((await call(pagoda.url)).body).toBe("one");
    expect((await pagoda.admin("/ready")).status).toBe(200);
  });

  test("starts without endpoints if the API server refuses, and is not ready until it answers", async () => {
    await using one = await named("one");
    using folder = certified();
    await using api = await kubernetesApi(folder);
    api.set(one);
    api.refuse(403);
    await using pagoda = await configured(folder, { ...through({ kubernetes }), kubernetes: api.reach });
    await pagoda.log("endpoint discovery failed; no endpoint is known");
    expect((await call(pagoda.url)).status).toBe(503);
    expect((await pagoda.admin("/ready")).text).toBe("not ready: no upstream can be reached\n");
    api.refuse(200);
    await until(
      () => call(pagoda.url),
      ({ body }) => body === "one",
    );
    await until(
      () => pagoda.admin("/ready"),
      ({ status }) => status === 200,
    );
  });

  test("is added and removed by a reload, and its watch with it", async () => {
    await using one = await named("one");
    await using two = await named("two");
    using folder = certified();
    await using api = await kubernetesApi(folder);
    api.set(two);
    const listed = { ...through({ endpoints: [one.url] }), kubernetes: api.reach };
    const watched = { ...through({ kubernetes }), kubernetes: api.reach };
    await using pagoda = await configured(folder, listed);
    const reload = async (config: object) => {
      folder.write("pagoda.yaml", config);
      return (await fetch(`${pagoda.adminUrl}/reload`, { method: "POST" })).status;
    };
    expect((await call(pagoda.url)).body).toBe("one");
    expect(await reload(watched)).toBe(200);
    expect((await call(pagoda.url)).body).toBe("two");
    await api.until(({ watches }) => watches === 1);
    // What cannot be served changes nothing.
    expect(await reload({ ...watched, listeners: [] })).toBe(422);
    // Another API server has the same endpoints, probably.
    api.refuse(403);
    folder.write("other-token", "secret");
    expect(await reload({ ...watched, kubernetes: { ...api.reach, tokenFile: "other-token" } })).toBe(200);
    expect((await call(pagoda.url)).body).toBe("two");
    api.refuse(200);
    await api.until(({ watches }) => watches === 1);
    expect(await reload(listed)).toBe(200);
    expect((await call(pagoda.url)).body).toBe("one");
    await api.until(({ watches }) => watches === 0);
    expect((await pagoda.admin("/metrics")).text).not.toContain('service="shop"');
  });

  test("leaves out slices without its port, and says so", async () => {
    await using one = await named("one");
    using folder = certified();
    await using api = await kubernetesApi(folder);
    api.set(one);
    const other = { kubernetes: { ...kubernetes, port: "grpc" } };
    await using pagoda = await configured(folder, { ...through(other), kubernetes: api.reach });
    expect(await pagoda.log("invalid endpoints left out")).toMatchObject({
      known: 0,
      fault: { problems: [`shop-${one.port}: ports must include "grpc" (got "http" (${one.port}))`] },
    });
  });
});

describe("outside a Kubernetes cluster", () => {
  const problem =
    /:\d+:\d+: clusters\.origin\.kubernetes: requires `kubernetes.server` outside a Kubernetes cluster/;

  test("a configuration without an API server is valid, but cannot be run", async () => {
    using folder = certified();
    const file = folder.write("pagoda.yaml", through({ kubernetes }));
    const env = { PROXY_CONFIG: file, PROXY_LISTEN_ADDR: "", KUBERNETES_SERVICE_HOST: "" };
    const checked = await run(env, "check");
    expect(checked.output).toMatch(problem);
    expect(checked.code).toBe(0);
    await using program = new Program(env);
    expect((await program.exit).code).toBe(2);
    expect(program.output).toMatch(problem);
  });

  test.each([
    [{ server: "http://127.0.0.1:1" }, "kubernetes.server: must be https://HOST:PORT"],
    [{ server: "10.0.0.1" }, "kubernetes.server: must be"],
  ])("the API server must have an https origin: %j", async (settings, message) => {
    using folder = certified();
    const file = folder.write("pagoda.yaml", { ...through({ kubernetes }), kubernetes: settings });
    const checked = await run({ PROXY_CONFIG: file, PROXY_LISTEN_ADDR: "" }, "check");
    expect(checked.output).toContain(message);
    expect(checked.code).not.toBe(0);
  });
});
