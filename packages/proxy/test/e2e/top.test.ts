import { expect, test } from "vitest";
import { call } from "./client.ts";
import { configured, Folder, through } from "./configured.ts";
import { named, refusing } from "./origin.ts";
import { Program, run, until } from "./program.ts";
import { quietPort } from "./quiet-port.ts";

test("pagoda top shows the routes and endpoints of all workers", async () => {
  using folder = new Folder();
  await using upstream = await named("one");
  const routes = [
    { name: "ok", match: { path: { prefix: "/ok" } }, cluster: "origin" },
    { name: "down", cluster: "down" },
  ];
  const { listeners, clusters } = through({ endpoints: [upstream.url] }, { routes }) as {
    readonly listeners: object;
    readonly clusters: object;
  };
  const config = { listeners, clusters: { ...clusters, down: { endpoints: [refusing] } } };
  await using pagoda = await configured(folder, config, { PROXY_WORKERS: "2" });
  await using program = new Program({}, ["top", "--once", "--admin", pagoda.adminUrl]);
  let isOver = false;
  void program.exit.then(() => (isOver = true));
  await until(
    async () => [await call(`${pagoda.url}/ok`), await call(pagoda.url)],
    () => isOver,
  );
  expect((await program.exit).code).toBe(0);
  expect(program.output).toMatch(/^listener, route, endpoint +req\/s +errors +p50 +p99 +p99\.9$/m);
  expect(program.output).toMatch(/^main ok +[\d.]+ +0\.0%/m);
  expect(program.output).toMatch(new RegExp(`^  ${upstream.url} +[\\d.]+ +0\\.0%`, "m"));
  expect(program.output).toMatch(/^main down +[\d.]+ +100\.0%/m);
});

test("pagoda top fails if the proxy does not answer", async () => {
  const nobody = `http://127.0.0.1:${await quietPort()}`;
  const { code, output } = await run({}, "top", "--once", "--admin", nobody);
  expect(code).toBe(1);
  expect(output).toContain("ECONNREFUSED");
});
