import { client } from "@pagoda/client";
import { constant } from "@pagoda/retry";
import { create as createAxios } from "axios";
import axiosRetry from "axios-retry";
import {
  bulkhead,
  circuitBreaker,
  ConsecutiveBreaker,
  ConstantBackoff,
  handleAll,
  noop,
  retry,
  timeout,
  TimeoutStrategy,
  wrap,
} from "cockatiel";
import got from "got";
import ky from "ky";
import { Agent, request, RetryAgent } from "undici";

export interface Caller {
  get(path: string): Promise<string>;
  post(path: string, headers?: Record<string, string>): Promise<string>;
  close?(): Promise<void>;
}

export interface Settings {
  /** A circuit breaker, where there is one. */
  readonly breaker: boolean;
}

/** Clients with two retries. Waits are as short as possible where they can be set. */
export const peers: Readonly<Record<string, (baseUrl: string, settings: Settings) => Caller>> = {
  "@pagoda/client"(baseUrl, { breaker }) {
    const api = client({
      baseUrl,
      retry: { attempts: 3, backoff: constant(1) },
      ...(!breaker && { circuitBreaker: false }),
    });
    return {
      get: (path) => api.orThrow.get(path).text(),
      post: (path, headers = {}) => api.orThrow.post(path, { headers, text: "a" }).text(),
      close: () => api.close(),
    };
  },

  "got 16"(baseUrl) {
    const api = got.extend({ prefixUrl: baseUrl, retry: { limit: 2, backoffLimit: 0, noise: 0 } });
    return {
      get: (path) => api.get(path).text(),
      post: (path, headers = {}) => api.post(path, { headers, body: "a" }).text(),
    };
  },

  "ky 2"(baseUrl) {
    const api = ky.create({ prefix: baseUrl, retry: { limit: 2, delay: () => 1 } });
    return {
      get: (path) => api.get(path).text(),
      post: (path, headers = {}) => api.post(path, { headers, body: "a" }).text(),
    };
  },

  "axios 1, axios-retry 4"(baseUrl) {
    const api = createAxios({ baseURL: baseUrl, responseType: "text" });
    axiosRetry(api, { retries: 2 });
    return {
      get: async (path) => (await api.get<string>(path)).data,
      post: async (path, headers = {}) => (await api.post<string>(path, "a", { headers })).data,
    };
  },

  "cockatiel 4, fetch"(baseUrl, { breaker }) {
    const policy = wrap(
      retry(handleAll, { maxAttempts: 2, backoff: new ConstantBackoff(1) }),
      breaker
        ? circuitBreaker(handleAll, { halfOpenAfter: 5_000, breaker: new ConsecutiveBreaker(5) })
        : noop,
      bulkhead(1_000, 1_000),
      timeout(10_000, TimeoutStrategy.Aggressive),
    );
    const call = (path: string, init: RequestInit) =>
      policy.execute(async ({ signal }) => {
        const response = await fetch(`${baseUrl}/${path}`, { ...init, signal });
        if (!response.ok) throw new Error(String(response.status));
        return response.text();
      });
    return {
      get: (path) => call(path, {}),
      post: (path, headers = {}) => call(path, { method: "POST", headers, body: "a" }),
    };
  },

  "undici 8 RetryAgent"(baseUrl) {
    const dispatcher = new RetryAgent(new Agent(), { maxRetries: 2, minTimeout: 1 });
    const call = async (path: string, init: Omit<Parameters<typeof request>[1] & object, "dispatcher">) =>
      (await request(`${baseUrl}/${path}`, { ...init, dispatcher })).body.text();
    return {
      get: (path) => call(path, { method: "GET" }),
      post: (path, headers = {}) => call(path, { method: "POST", headers, body: "a" }),
      close: () => dispatcher.close(),
    };
  },
};
