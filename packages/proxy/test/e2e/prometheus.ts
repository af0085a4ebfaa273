import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { Folder } from "./configured.ts";
import { Arrivals, origin } from "./origin.ts";
import { adopt, need } from "./system.ts";

/** A sample as Prometheus returns it. */
export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [time: number, value: string];
}

/** A real Prometheus on loopback that scrapes one exposition. */
export class Prometheus implements AsyncDisposable {
  readonly #url: string;
  readonly #stored: Arrivals<number>;
  readonly #end: () => Promise<void>;

  private constructor(url: string, stored: Arrivals<number>, end: () => Promise<void>) {
    this.#url = url;
    this.#stored = stored;
    this.#end = end;
  }

  /** @param exposition Called for each scrape. */
  static async start(exposition: () => Promise<string>): Promise<Prometheus> {
    const stored = new Arrivals<number>();
    let finishedAt: number | undefined;
    const target = await origin((_request, response) => {
      // Another scrape begins when the last one is stored.
      if (finishedAt !== undefined) stored.add(finishedAt);
      finishedAt = undefined;
      // Unless Prometheus has given up waiting.
      response.once("finish", () => (finishedAt = Date.now()));
      void exposition().then((text) =>
        response.setHeader("content-type", "text/plain; version=0.0.4").end(text),
      );
    });
    const folder = new Folder();
    const job = { job_name: "pagoda", static_configs: [{ targets: [`127.0.0.1:${target.port}`] }] };
    const file = folder.write("prometheus.yaml", {
      global: { scrape_interval: "2s", scrape_timeout: "2s" },
      scrape_configs: [job],
    });
    const child = adopt(
      spawn(
        need("prometheus"),
        [
          `--config.file=${file}`,
          `--storage.tsdb.path=${folder.file("data")}`,
          "--web.listen-address=127.0.0.1:0",
        ],
        { stdio: ["ignore", "ignore", "pipe"] },
      ),
    );
    const ended = once(child, "close");
    const end = async (): Promise<void> => {
      child.kill("SIGKILL");
      await ended;
      await target[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    };
    const said: string[] = [];
    let address = "";
    for await (const line of createInterface({ input: child.stderr })) {
      said.push(line);
      address = /msg="Listening on" address=(\S+)/.exec(line)?.[1] ?? address;
      // Until then it refuses queries.
      if (!line.includes("ready to receive web requests")) continue;
      child.stderr.resume();
      return new Prometheus(`http://${address}`, stored, end);
    }
    await end();
    throw new Error(`Prometheus ended:\n${said.join("\n")}`);
  }

  /**
   * Settles once that many further scrapes are stored.
   *
   * @returns The time of the last of them. A later scrape may fail, which ends all gauges.
   */
  async scraped(count: number): Promise<number> {
    const since = Date.now();
    // One more: the first may have been read before.
    for (let left = count + 1; ;) {
      const time = await this.#stored.next();
      if (time > since) left--;
      if (left === 0) return time;
    }
  }

  /** The samples of an expression at a time. */
  async query(expr: string, time: number): Promise<readonly Sample[]> {
    const response = await fetch(`${this.#url}/api/v1/query`, {
      method: "POST",
      body: new URLSearchParams({ query: expr, time: String(time / 1_000) }),
    });
    const { status, error, data } = (await response.json()) as {
      readonly status: string;
      readonly error?: string;
      readonly data?: { readonly result: readonly Sample[] };
    };
    if (status !== "success" || data === undefined) throw new Error(`${expr}: ${error}`);
    return data.result;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#end();
  }
}
