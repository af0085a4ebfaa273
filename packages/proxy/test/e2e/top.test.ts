import { spawn } from "node:child_process";
import { once } from "node:events";
import { stripVTControlCharacters } from "node:util";
import { describe, expect, onTestFinished, test } from "vitest";
import { call } from "./client.ts";
import { configured, Folder, through } from "./configured.ts";
import { named, refusing } from "./origin.ts";
import { environment, mainFile, Program, run, until } from "./program.ts";
import { adopt, execute, need, needs } from "./system.ts";
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

test("pagoda top lists an endpoint whose calls fail and then succeed elsewhere", async () => {
  using folder = new Folder();
  await using upstream = await named("one");
  await using pagoda = await configured(folder, through({ endpoints: [upstream.url, refusing] }));
  await using program = new Program({}, ["top", "--once", "--admin", pagoda.adminUrl]);
  let isOver = false;
  void program.exit.then(() => (isOver = true));
  await until(
    () => call(pagoda.url),
    () => isOver,
  );
  expect(program.output).toMatch(/^main all +[\d.]+ +0\.0%/m);
  expect(program.output).toMatch(new RegExp(`^origin ${refusing} +[\\d.]+$`, "m"));
  expect(program.output).not.toContain(`origin ${upstream.url}`);
});

test("pagoda top fails if the proxy does not answer", async () => {
  const nobody = `http://127.0.0.1:${await quietPort()}`;
  const { code, output } = await run({}, "top", "--once", "--admin", nobody);
  expect(code).toBe(1);
  expect(output).toContain("ECONNREFUSED");
});

const [enter, leave] = ["\u001B[?1049h", "\u001B[?25h\u001B[?1049l"];

describe("pagoda top on a terminal", () => {
  needs("script");

  type Terminal = ReturnType<typeof onTerminal>;

  /** Starts it in a terminal of 60 columns and 8 rows, and shows afterwards how it has left the terminal. */
  function onTerminal(admin: string) {
    const words = [process.execPath, mainFile, "top", "--admin", admin].map((word) => JSON.stringify(word));
    const top = `sh -c 'echo pid $$; exec "$0" "$@"' ${words.join(" ")}`;
    const command = `stty cols 60 rows 8; tty; ${top}; echo "code $?"; stty -a`;
    const child = adopt(
      spawn(need("script"), ["-qefc", command, "/dev/null"], {
        env: environment({ TERM: "xterm" }),
        stdio: ["pipe", "pipe", "inherit"],
      }),
    );
    let output = "";
    /** Where what has not been waited for begins. */
    let from = 0;
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
    const exit = once(child, "close");
    return {
      type: (keys: string) => child.stdin.write(keys),
      /** Waits for text. */
      async shows(text: string): Promise<void> {
        while (!output.includes(text, from)) await once(child.stdout, "data");
        from = output.indexOf(text, from) + text.length;
      },
      get pid(): number {
        return Number(/pid (\d+)/.exec(output)?.[1]);
      },
      get terminal(): string {
        return /\/dev\/pts\/\d+/.exec(output)?.[0] as string;
      },
      /** The lines of the picture with that text. */
      async picture(): Promise<readonly string[]> {
        const start = output.lastIndexOf("\u001B[H", from);
        await this.shows("\u001B[J");
        return stripVTControlCharacters(output.slice(start, from)).split("\r\n");
      },
      async ended(): Promise<string> {
        await exit;
        return output.slice(from);
      },
    };
  }

  test.each([
    ["q", 0, (screen: Terminal) => void screen.type("q")],
    ["Ctrl-C", 0, (screen: Terminal) => void screen.type("\u0003")],
    ["SIGTERM", 143, (screen: Terminal) => void process.kill(screen.pid)],
  ])("ends with %s and restores the terminal", async (_name, code, end) => {
    using folder = new Folder();
    await using upstream = await named("one");
    await using pagoda = await configured(folder, through({ endpoints: [upstream.url] }));
    const screen = onTerminal(pagoda.adminUrl);
    await screen.shows(enter);
    await screen.shows("no requests in");
    end(screen);
    const left = await screen.ended();
    expect(left).toContain(leave);
    expect(left.slice(left.indexOf(leave))).toMatch(new RegExp(`code ${code}\\r\\n[^]* icanon [^]* echo `));
  });

  test("fits its lines to the terminal, also after a change of its size", async () => {
    using folder = new Folder();
    await using upstream = await named("one");
    const routes = Array.from({ length: 6 }, (_, n) => ({
      name: `a-route-with-a-rather-long-name-${n}`,
      match: { path: { prefix: `/${n}` } },
      cluster: "origin",
    }));
    await using pagoda = await configured(folder, through({ endpoints: [upstream.url] }, { routes }));
    const screen = onTerminal(pagoda.adminUrl);
    let isOver = false;
    const calls = until(
      () => Promise.allSettled(routes.map((_, n) => call(`${pagoda.url}/${n}`))),
      () => isOver,
    );
    onTestFinished(() => void (isOver = true));
    await screen.shows("/dev/pts/");
    const { terminal } = screen;
    // A header, and two lines for each route.
    await screen.shows("(6 more lines: enlarge the window)");
    const small = await screen.picture();
    expect(small).toHaveLength(8);
    expect(Math.max(...small.map((line) => line.length))).toBe(60);
    await execute("sh", ["-c", `stty -F ${terminal} cols 100 rows 20`]);
    await screen.shows("p99.9");
    await screen.shows("a-route-with-a-rather-long-name-5");
    const large = await screen.picture();
    isOver = true;
    await calls;
    expect(large).toHaveLength(13);
    screen.type("q");
    await screen.ended();
  });

  test("says that the proxy does not answer, and continues when it does", async () => {
    using folder = new Folder();
    await using upstream = await named("one");
    const admin = `127.0.0.1:${await quietPort()}`;
    const start = () =>
      configured(folder, through({ endpoints: [upstream.url] }), { PROXY_METRICS_ADDR: admin });
    const first = await start();
    const screen = onTerminal(`http://${admin}`);
    await screen.shows("no requests in");
    await first[Symbol.asyncDispose]();
    await screen.shows("trying again; q ends");
    await using _again = await start();
    await screen.shows("no requests in");
    screen.type("q");
    expect(await screen.ended()).toContain(leave);
  });
});
