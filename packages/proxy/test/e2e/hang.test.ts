import { describe, expect, test } from "vitest";
import { call } from "./client.ts";
import { anywhere, configured, Folder, says } from "./configured.ts";
import { type Pagoda, until } from "./program.ts";

const saboteur = new URL("./saboteur.ts", import.meta.url).href;

const config = (body: string): object => ({
  clusters: {},
  listeners: [{ ...anywhere, name: "main", routes: [says(body)] }],
  // Longer than a busy machine keeps a healthy worker from answering.
  watchdog: { timeout: "4s" },
});

const hanging = (folder: Folder, workers: string): Promise<Pagoda> =>
  configured(folder, config("before"), {
    PROXY_WORKERS: workers,
    NODE_OPTIONS: `--import ${saboteur}`,
  });

/** Resumes a stopped worker at the end of the test, since it would outlive the main process. */
function hung(pid: number, signal: NodeJS.Signals): Disposable {
  process.kill(pid, signal);
  return {
    [Symbol.dispose]() {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It was killed, as expected.
      }
    },
  };
}

describe("a worker hung", () => {
  test.each([
    ["in an endless loop", "SIGPWR"],
    ["because it was stopped", "SIGSTOP"],
  ] as const)(
    "%s is killed, counted and replaced, and the admin endpoint answers meanwhile",
    async (_how, signal) => {
      using folder = new Folder();
      await using pagoda = await hanging(folder, "2");
      const [first = 0] = await pagoda.workers();
      process.kill(first, signal);
      const { text } = await until(
        () => pagoda.admin("/health"),
        ({ status }) => status === 503,
      );
      expect(text).toMatch(/^worker 0 has not answered for \d+(\.\d+)? s\n$/);
      for (const page of ["/ready", "/metrics", "/stack", "/clusters"])
        expect({ page, status: (await pagoda.admin(page)).status }).toEqual({ page, status: 200 });
      expect(await pagoda.log("worker died")).toMatchObject({ worker: 0, reason: "hang" });
      await pagoda.log("worker restarted");
      expect(await pagoda.metric("pagoda_worker_restarts_total", { reason: "hang" })).toBeGreaterThan(0);
      await until(
        () => pagoda.admin("/health"),
        ({ status }) => status === 200,
      );
      for (let at = 0; at < 20; at++) expect((await call(pagoda.url, { agent: false })).status).toBe(200);
    },
  );

  test("delays a reload until it is replaced, and its replacement has the new configuration", async () => {
    using folder = new Folder();
    await using pagoda = await hanging(folder, "2");
    const [first = 0] = await pagoda.workers();
    using _ended = hung(first, "SIGSTOP");
    folder.write("pagoda.yaml", config("after"));
    expect((await fetch(`${pagoda.adminUrl}/reload`, { method: "POST" })).status).toBe(200);
    expect(await pagoda.log("worker died")).toMatchObject({ worker: 0, reason: "hang" });
    await pagoda.log("worker restarted");
    for (let at = 0; at < 20; at++) expect((await call(pagoda.url, { agent: false })).body).toBe("after");
  });

  test("does not prevent the program from ending", async () => {
    using folder = new Folder();
    await using pagoda = await hanging(folder, "1");
    const [only = 0] = await pagoda.workers();
    using _ended = hung(only, "SIGSTOP");
    pagoda.kill("SIGTERM");
    expect(await pagoda.exit).toEqual({ code: 0, signal: null });
  });
});
