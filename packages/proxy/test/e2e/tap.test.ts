import { expect, test } from "vitest";
import { call } from "./client.ts";
import { configured, Folder, through } from "./configured.ts";
import { named, refusing } from "./origin.ts";
import { Program, run, until } from "./program.ts";

/** A proxy with a route that fails and one that does not. */
const routes = [
  { name: "ok", match: { path: { prefix: "/ok" } }, respond: { status: 200, body: "ok" } },
  { name: "down", cluster: "origin" },
];

/** The lines of a tap, as they come. */
class Tap implements AsyncDisposable {
  readonly lines: Record<string, unknown>[] = [];
  readonly opened: Promise<void>;
  readonly #ending = new AbortController();
  readonly #over: Promise<void>;

  constructor(url: string) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.opened = promise;
    this.#over = this.#read(url, resolve).catch(() => {});
  }

  async #read(url: string, opened: () => void): Promise<void> {
    const response = await fetch(url, { signal: this.#ending.signal });
    let rest = "";
    for await (const piece of (response.body as ReadableStream<Uint8Array>).pipeThrough(
      new TextDecoderStream() as unknown as ReadableWritablePair<string, Uint8Array>,
    )) {
      // Its first bytes say that all workers collect.
      opened();
      const all = (rest + piece).split("\n");
      rest = all.pop() as string;
      for (const line of all) if (line !== "") this.lines.push(JSON.parse(line) as Record<string, unknown>);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    await this.#over;
  }
}

test("a tap shows the calls of all workers that match as they end, kept or not", async () => {
  using folder = new Folder();
  const config = { ...through({ endpoints: [refusing] }, { routes }), recorder: { keep: 0 } };
  await using pagoda = await configured(folder, config, { PROXY_WORKERS: "2" });
  await using down = new Tap(`${pagoda.adminUrl}/tap?route=down&status=5xx`);
  await using ok = new Tap(`${pagoda.adminUrl}/tap?route=ok`);
  await Promise.all([down.opened, ok.opened]);
  for (let n = 0; n < 4; n++) {
    await call(`${pagoda.url}/ok?token=secret`);
    await call(`${pagoda.url}/down`);
  }
  await until(
    () => pagoda.admin("/ready"),
    () => [down, ok].every(({ lines }) => lines.length >= 4),
  );
  expect(down.lines).toHaveLength(4);
  for (const line of down.lines)
    expect(line).toMatchObject({ reason: "failed", route: { name: "down" }, status: 502 });
  for (const line of ok.lines) expect(line).toMatchObject({ reason: "sampled", status: 200, path: "/ok" });
  expect(JSON.stringify(ok.lines)).not.toContain("secret");
});

test("a tap shows at most max-rps calls in a second, and counts the rest", async () => {
  using folder = new Folder();
  await using pagoda = await configured(folder, through({ endpoints: [refusing] }, { routes }));
  await using tap = new Tap(`${pagoda.adminUrl}/tap?max-rps=1`);
  await tap.opened;
  const begun = performance.now();
  const count = 20;
  for (let n = 0; n < count; n++) await call(`${pagoda.url}/ok`);
  const total = (): number =>
    tap.lines.reduce((sum, line) => sum + ((line["skipped"] as number | undefined) ?? 1), 0);
  await until(
    () => pagoda.admin("/ready"),
    () => total() === count,
  );
  const shown = tap.lines.filter((line) => line["skipped"] === undefined).length;
  expect(shown).toBeGreaterThan(0);
  // One for each second that has begun.
  expect(shown).toBeLessThanOrEqual(Math.ceil((performance.now() - begun) / 1_000) + 1);
});

test("pagoda tap prints a line for each request, and ends after -n", async () => {
  using folder = new Folder();
  await using upstream = await named("one");
  await using pagoda = await configured(folder, through({ endpoints: [upstream.url] }));
  await using program = new Program({}, ["tap", "--admin", pagoda.adminUrl, "-n", "2"]);
  let isOver = false;
  void program.exit.then(() => (isOver = true));
  // It may not have opened its tap yet, so calls are made until it has seen enough.
  await until(
    () => call(pagoda.url),
    () => isOver,
  );
  expect((await program.exit).code).toBe(0);
  const lines = program.output.trim().split("\n");
  expect(lines).toHaveLength(2);
  for (const line of lines) expect(line).toMatch(/^\S+  \S+  GET \S+ → 200 in \S+ ms: no trouble$/);
});

test("a tap says what is wrong with its parameters", async () => {
  using folder = new Folder();
  await using pagoda = await configured(folder, through({ endpoints: [refusing] }));
  expect(await pagoda.admin("/tap?max-rps=0")).toEqual({
    status: 400,
    text: 'max-rps must be an integer from 1 to 10000 (got "0")\n',
  });
  expect(await pagoda.admin("/tap?since=2026-01-01")).toMatchObject({ status: 400 });
  expect(await pagoda.admin("/tap?reason=failed,unread")).toEqual({
    status: 400,
    text: "reason must not be unread: a tap shows only requests that a policy has seen\n",
  });
  expect(await run({}, "tap", "--admin", pagoda.adminUrl, "--status", "9")).toMatchObject({ code: 1 });
  expect(await run({}, "tap", "-n", "0")).toEqual({
    code: 2,
    signal: null,
    output: 'pagoda tap: -n must be an integer of at least 1 (got "0"); see pagoda --help\n',
  });
});

test("there are at most 20 taps, and those that end make room", async () => {
  using folder = new Folder();
  await using pagoda = await configured(folder, through({ endpoints: [refusing] }, { routes }));
  const taps = Array.from({ length: 20 }, () => new Tap(`${pagoda.adminUrl}/tap`));
  await Promise.all(taps.map(({ opened }) => opened));
  expect(await pagoda.admin("/tap")).toEqual({
    status: 503,
    text: "there are 20 taps already, which is the maximum\n",
  });
  await Promise.all(taps.map((tap) => tap[Symbol.asyncDispose]()));
  await until(
    async () => {
      const ending = new AbortController();
      const { status } = await fetch(`${pagoda.adminUrl}/tap`, { signal: ending.signal });
      ending.abort();
      return status;
    },
    (status) => status === 200,
  );
});
