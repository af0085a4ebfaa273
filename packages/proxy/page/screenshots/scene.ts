import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { testAuthority } from "@pagoda/http/testing";

const program = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

/** Milliseconds between two requests, on average. */
const betweenMs = 8;

const paths = [
  "/cart",
  "/cart/items",
  "/static/app.js",
  "/cart",
  "/search",
  "/static/logo.svg",
  "/cart",
  "/mail",
];

/** A proxy in front of a small shop, in which some things go wrong. */
export class Scene implements AsyncDisposable {
  readonly adminUrl: string;
  readonly #url: string;
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #origins: readonly Server[];
  #isOver = false;

  private constructor(child: ChildProcess, folder: string, origins: readonly Server[], listening: Listening) {
    this.#child = child;
    this.#folder = folder;
    this.#origins = origins;
    this.#url = listening.url;
    this.adminUrl = listening.adminUrl;
  }

  static async begin(): Promise<Scene> {
    const origins = await Promise.all([answers(4), answers(9), failing, answers(2)].map(started));
    const folder = mkdtempSync(join(tmpdir(), "pagoda-screenshots-"));
    const write = (name: string, content: string): string => {
      writeFileSync(join(folder, name), content);
      return join(folder, name);
    };
    const named = { subject: "CN=shop.example", names: "DNS:shop.example" };
    const { certificate, key } = testAuthority().issue({ ...named, days: 6 });
    write("shop.pem", certificate);
    write("shop.key", key);
    const urls = origins.map((server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const file = write("pagoda.yaml", JSON.stringify(configuration(urls, "5s")));
    const child = spawn(process.execPath, [program, "run", "-c", file], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const listening = await listeningOf(child);
    write("pagoda.yaml", JSON.stringify(configuration(urls, "2s")));
    await fetch(`${listening.adminUrl}/reload`, { method: "POST" });
    return new Scene(child, folder, origins, listening);
  }

  /** Sends requests until stopped. */
  async send(): Promise<void> {
    const calls = new Set<Promise<void>>();
    for (let n = 0; !this.#isOver; n++) {
      // More and fewer of them, as over a day.
      await pause(betweenMs * (1 + 0.6 * Math.sin(n / 1_500)));
      const call = fetch(this.#url + paths[n % paths.length])
        .then(async (response) => void (await response.arrayBuffer()))
        .catch(() => {});
      calls.add(call);
      void call.finally(() => calls.delete(call));
    }
    await Promise.all(calls);
  }

  stop(): void {
    this.#isOver = true;
  }

  /** The id of a request with several tries. */
  async troubledRequest(): Promise<string> {
    const response = await fetch(`${this.adminUrl}/requests?route=cart&reason=recovered,failed&limit=1`);
    const [first] = (await response.json()) as readonly { readonly id: string }[];
    if (first === undefined) throw new Error("no request was in trouble");
    return first.id;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill();
    for (const server of this.#origins) {
      server.close();
      server.closeAllConnections();
    }
    rmSync(this.#folder, { recursive: true });
  }
}

interface Listening {
  readonly url: string;
  readonly adminUrl: string;
}

async function listeningOf(child: ChildProcess): Promise<Listening> {
  if (child.stdout === null) throw new Error("the proxy has no output");
  for await (const line of createInterface({ input: child.stdout })) {
    const logged = JSON.parse(line) as Listening & { readonly msg: string };
    if (!logged.msg.startsWith("listening on")) continue;
    child.stdout.resume();
    return logged;
  }
  throw new Error("the proxy did not start");
}

function started(handler: RequestListener): Promise<Server> {
  const server = createServer(handler);
  return new Promise((resolve) => void server.listen(0, "127.0.0.1", () => resolve(server)));
}

/** Answers after some milliseconds, now and then after ten times as many. */
function answers(ms: number): RequestListener {
  return (_request, response) => {
    setTimeout(() => response.end("ok"), Math.random() < 0.02 ? ms * 10 : ms * (0.5 + Math.random()));
  };
}

const failing: RequestListener = (_request, response) => {
  response.writeHead(Math.random() < 0.7 ? 503 : 200).end();
};

function configuration([one, two, bad, files]: readonly string[], timeout: string): object {
  const anywhere = { address: "127.0.0.1:0" };
  return {
    workers: 2,
    admin: anywhere,
    listeners: [
      {
        ...anywhere,
        name: "web",
        policies: { rateLimit: { global: { rate: "1000/s", burst: 1_000 } } },
        routes: [
          {
            name: "cart",
            match: { path: "/cart" },
            cluster: "shop",
            policies: { timeout, retry: { attempts: 2 } },
          },
          {
            name: "search",
            match: { path: "/search" },
            cluster: "shop",
            policies: { rateLimit: { global: { rate: "5/s", burst: 5 } } },
          },
          { name: "static", match: { path: "/static" }, cluster: "files" },
          { name: "mail", match: { path: "/mail" }, cluster: "mail", policies: { timeout: "1s" } },
        ],
      },
      {
        ...anywhere,
        name: "secure",
        tls: { certificates: [{ certificate: "shop.pem", key: "shop.key" }] },
        routes: [{ name: "all", cluster: "shop" }],
      },
    ],
    clusters: {
      shop: {
        endpoints: [one, two, bad],
        outliers: { consecutiveFailures: 5, ejection: "60s", maxEjected: "50%" },
        policies: { concurrencyLimit: 200 },
      },
      files: { endpoints: [files] },
      // Nothing listens there.
      mail: { endpoints: ["http://127.0.0.1:1"], policies: { circuitBreaker: { failures: 5, open: "30s" } } },
    },
  };
}
