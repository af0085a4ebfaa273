import { once } from "node:events";
import { Agent as HttpAgent } from "node:http";
import { createServer, type AddressInfo, type Server } from "node:net";
import { client, type ClientOptions } from "@pagoda/client";
import { isLeft, type Service } from "@pagoda/core";
import { httpRequest, type HttpRequest, type HttpResponse } from "@pagoda/http";
import { transport } from "@pagoda/transport";
import { undici } from "@pagoda/undici";
import { create as createAxios } from "axios";
import axiosRetry, { exponentialDelay } from "axios-retry";
import {
  bulkhead,
  circuitBreaker,
  ConsecutiveBreaker,
  ExponentialBackoff,
  handleAll,
  retry,
  timeout,
  TimeoutStrategy,
  wrap,
} from "cockatiel";
import got from "got";
import ky from "ky";
import { Pool, request, RetryAgent } from "undici";
import type { Group, Subject } from "./subject.ts";

const body = JSON.stringify({ id: 1, name: "Ann", roles: ["reader", "writer"] });
const response = Buffer.from(
  `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
);

/** Answers every read with the same response: the least that an origin can cost. */
class Origin {
  #server: Server | undefined;
  #users = 0;

  async url(): Promise<string> {
    this.#users++;
    if (this.#server === undefined) {
      this.#server = createServer({ noDelay: true }, (socket) => {
        socket.on("data", () => socket.write(response));
        socket.on("error", () => {});
      });
      this.#server.listen(0, "127.0.0.1");
    }
    if (!this.#server.listening) await once(this.#server, "listening");
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  leave(): void {
    if (--this.#users > 0) return;
    this.#server?.close();
    this.#server = undefined;
  }
}

const origin = new Origin();

interface Caller {
  readonly call: () => PromiseLike<unknown>;
  readonly close?: () => unknown;
}

/** A call by a client that is made when its origin listens. */
function subject(what: string, start: (url: string) => Caller, more: Partial<Subject> = {}): Subject {
  return {
    what: `client, GET of ${body.length} bytes of JSON: ${what}`,
    prepare() {
      let caller: Caller | undefined;
      const first = async (): Promise<unknown> => {
        caller = start(await origin.url());
        return caller.call();
      };
      return {
        run: () => (caller === undefined ? first() : caller.call()),
        async end() {
          if (caller === undefined) return;
          await caller.close?.();
          origin.leave();
        },
      };
    },
    ...more,
  };
}

function pagoda(options: ClientOptions): (url: string) => Caller {
  return (url) => {
    const api = client({ baseUrl: url, ...options });
    return { call: () => api.orThrow.get("/users/1").json(), close: () => api.close() };
  };
}

/** A leaf service, whose calls have no policies and no client around them. */
function leaf(service: Service<HttpRequest, HttpResponse, unknown>, url: string): () => Promise<unknown> {
  return async () => {
    const result = await service.call(httpRequest(`${url}/users/1`));
    if (isLeft(result)) throw new Error("the call failed", { cause: result.left });
    return result.right.body.json();
  };
}

const off = {
  timeoutMs: false,
  tryTimeoutMs: false,
  redirects: false,
  decompress: false,
  retry: false,
  circuitBreaker: false,
  concurrency: false,
} as const;

/** Whole calls over loopback, the origin in the same process. */
export const clients: Group = {
  name: "client",
  subjects: [
    subject(
      "undici's request, no policies",
      (url) => {
        const pool = new Pool(url);
        return {
          call: async () => (await request(`${url}/users/1`, { dispatcher: pool })).body.json(),
          close: () => pool.close(),
        };
      },
      { reason: "what pagoda without policies is compared with: at most 1.2 times as much" },
    ),
    subject("@pagoda/undici alone", (url) => {
      const pool = new Pool(url);
      return { call: leaf(undici(pool, { origin: url }), url), close: () => pool.close() };
    }),
    subject("@pagoda/transport alone", (url) => {
      const one = transport(url);
      return { call: leaf(one, url), close: () => one.close() };
    }),
    subject("pagoda, no policies", pagoda(off)),
    subject(
      "pagoda (timeout, retry, circuit-breaker, queue, concurrency-limit, timeout of each attempt)",
      pagoda({}),
    ),
    subject("pagoda, the same and hedge", pagoda({ hedge: true })),
    subject(
      "cockatiel 4 (timeout, retry, circuit breaker, bulkhead, timeout of each attempt) and fetch",
      (url) => {
        const policy = wrap(
          timeout(30_000, TimeoutStrategy.Aggressive),
          retry(handleAll, { maxAttempts: 2, backoff: new ExponentialBackoff() }),
          circuitBreaker(handleAll, { halfOpenAfter: 5_000, breaker: new ConsecutiveBreaker(5) }),
          bulkhead(100, 1_000),
          timeout(10_000, TimeoutStrategy.Aggressive),
        );
        return {
          call: () =>
            policy.execute(async ({ signal }) => {
              const answer = await fetch(`${url}/users/1`, { signal });
              if (!answer.ok) throw new Error(String(answer.status));
              return answer.json();
            }),
        };
      },
    ),
    subject("got 16 (timeout, retry)", (url) => {
      const agent = { http: new HttpAgent({ keepAlive: true }) };
      const api = got.extend({ prefixUrl: url, agent, timeout: { request: 30_000 }, retry: { limit: 2 } });
      return { call: () => api.get("users/1").json(), close: () => agent.http.destroy() };
    }),
    subject("ky 2 (timeout, retry)", (url) => {
      const api = ky.extend({ prefix: url, timeout: 30_000, retry: { limit: 2 } });
      return { call: () => api.get("users/1").json() };
    }),
    subject("axios 1 and axios-retry 4 (timeout, retry)", (url) => {
      const httpAgent = new HttpAgent({ keepAlive: true });
      const api = createAxios({ baseURL: url, httpAgent, timeout: 30_000 });
      axiosRetry(api, { retries: 2, retryDelay: exponentialDelay });
      return { call: () => api.get("/users/1"), close: () => httpAgent.destroy() };
    }),
    subject("undici's RetryAgent (timeouts, retry)", (url) => {
      const agent = new RetryAgent(new Pool(url, { headersTimeout: 10_000, bodyTimeout: 30_000 }), {
        maxRetries: 2,
      });
      return {
        call: async () => (await request(`${url}/users/1`, { dispatcher: agent })).body.json(),
        close: () => agent.close(),
      };
    }),
  ],
};
