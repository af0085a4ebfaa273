import { type Agent, request } from "node:http";
import { connect, createServer, type Socket } from "node:net";
import { describe, expect, test } from "vitest";
import { keepAlive } from "./client.ts";
import { listen, named, type Origin } from "./origin.ts";
import { Pagoda } from "./program.ts";

/**
 * Gives each new connection to one of its targets, as kube-proxy does for a service. Connections that exist stay where they
 * are, even when their target is removed.
 */
class ServiceAddress implements AsyncDisposable {
  readonly #targets: string[];
  readonly #listening: Promise<Origin> = listen(createServer((client) => this.#connect(client)));
  readonly #opened = new Map<string, number>();
  /** Connections without a response yet, by target. */
  readonly #unanswered = new Map<Socket, string>();
  readonly #waiting = new Set<() => void>();
  #next = 0;

  constructor(...targets: readonly string[]) {
    this.#targets = [...targets];
  }

  async url(): Promise<string> {
    return (await this.#listening).url;
  }

  /** Sends no new connection to a target. Settles once those on their way have arrived. */
  async remove(target: string): Promise<void> {
    this.#targets.splice(this.#targets.indexOf(target), 1);
    await this.#until(() => ![...this.#unanswered.values()].includes(target));
  }

  /** Settles once that many further connections have gone to a target. */
  async sends(count: number, target: string): Promise<void> {
    const opened = (): number => this.#opened.get(target) ?? 0;
    const enough = opened() + count;
    await this.#until(() => opened() >= enough);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#listening)[Symbol.asyncDispose]();
  }

  async #until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  #connect(client: Socket): void {
    const target = this.#targets[this.#next++ % this.#targets.length] as string;
    this.#opened.set(target, (this.#opened.get(target) ?? 0) + 1);
    this.#wake();
    const { hostname, port } = new URL(target);
    const upstream = connect({ host: hostname, port: Number(port) });
    this.#unanswered.set(upstream, target);
    const answered = (): void => {
      if (this.#unanswered.delete(upstream)) this.#wake();
    };
    upstream.once("data", answered).once("close", answered);
    // What the pod refuses or resets is refused or reset for the client.
    upstream.on("error", () => client.resetAndDestroy());
    client.on("error", () => upstream.destroy());
    client.pipe(upstream).pipe(client);
  }
}

/** Sends requests until it is stopped, half of its clients on new connections. `stop` returns what failed. */
function traffic(url: string): { readonly stop: () => Promise<readonly string[]> } {
  const failed: string[] = [];
  let isOver = false;
  const client = async (isReusing: boolean): Promise<void> => {
    using agent = keepAlive(1);
    while (!isOver) {
      const failure = await failureOf(url, isReusing ? agent : false);
      if (failure !== undefined) failed.push(failure);
    }
  };
  const clients = Promise.all(Array.from({ length: 8 }, (_, at) => client(at % 2 === 0)));
  return {
    async stop() {
      isOver = true;
      await clients;
      return failed;
    },
  };
}

/** Like all HTTP clients it repeats a GET if a connection that was idle has been closed meanwhile (RFC 9112, 9.3.1). */
function failureOf(url: string, agent: Agent | false): Promise<string | undefined> {
  return new Promise((resolve) => {
    const sent = request(url, { agent }, (response) => {
      response.resume().once("end", () => resolve(response.statusCode === 200 ? undefined : "status"));
      response.once("error", ({ message }) => resolve(message));
    });
    sent.once("error", (error) =>
      resolve(sent.reusedSocket ? failureOf(url, agent) : (error as NodeJS.ErrnoException).code),
    );
    sent.end();
  });
}

describe("a pod that ends behind a service", () => {
  test("loses no request if nodes stop sending to it before SIGTERM", async () => {
    await using upstream = await named("yes");
    await using ending = await Pagoda.start({ PROXY_UPSTREAM_ADDRS: upstream.url });
    await using other = await Pagoda.start({ PROXY_UPSTREAM_ADDRS: upstream.url });
    await using service = new ServiceAddress(ending.url, other.url);
    const { stop } = traffic(await service.url());
    // The time of preStop, in which nodes learn that it ends.
    await service.sends(50, ending.url);
    await service.remove(ending.url);
    ending.kill("SIGTERM");
    expect(await ending.exit).toEqual({ code: 0, signal: null });
    await service.sends(20, other.url);
    expect(await stop()).toEqual([]);
    expect(ending.output).not.toContain("cut off");
  });

  test("would lose requests without preStop", async () => {
    await using upstream = await named("yes");
    await using ending = await Pagoda.start({ PROXY_UPSTREAM_ADDRS: upstream.url });
    await using other = await Pagoda.start({ PROXY_UPSTREAM_ADDRS: upstream.url });
    await using service = new ServiceAddress(ending.url, other.url);
    const { stop } = traffic(await service.url());
    await service.sends(20, ending.url);
    ending.kill("SIGTERM");
    await ending.exit;
    await service.sends(2, ending.url);
    expect(await stop()).not.toEqual([]);
  });
});
