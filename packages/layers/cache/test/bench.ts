// A cache around a scripted origin, in virtual time.
import assert from "node:assert/strict";
import { type Fault, isLeft } from "@pagoda/core";
import { mockService, virtualClock } from "@pagoda/core/testing";
import { type Body, type HttpRequest, httpRequest, type HttpResponse, httpResponse } from "@pagoda/http";
import { cache, type CacheOptions } from "@pagoda/cache";

export type Fields = Readonly<Record<string, string | readonly string[]>>;

/** The fault of the scripted origin. */
export interface Down extends Fault<"Down"> {}
export const down: Down = { _tag: "Down", origin: "upstream", retryable: true };

/** What the client gets. */
export interface Got {
  readonly status: number;
  readonly body: string;
  readonly fields: (name: string) => string | undefined;
  /** `Cache-Status`, without the name of the cache. */
  readonly how: string | undefined;
  /** The request that the origin got; `undefined` for none. */
  readonly sent: HttpRequest | undefined;
}

export interface Asking {
  readonly url?: string;
  readonly method?: string;
  readonly headers?: Fields;
}

/** Makes a response of the origin. */
export function origin(headers: Fields = {}, body: string | Body = "content", status = 200): HttpResponse {
  return httpResponse(status, body, headers);
}

export function date(atMs: number): string {
  return new Date(atMs).toUTCString();
}

export function bench(options: CacheOptions = {}) {
  const clock = virtualClock();
  const mock = mockService<HttpRequest, HttpResponse, Down>("origin");
  const layered = cache({ clock, ...options })(mock.service);

  function request({ url = "http://shop.example/lamp", method = "GET", headers = {} }: Asking): HttpRequest {
    return httpRequest(url, { method, headers });
  }

  /** Makes a call. `answer`: what the origin answers; without one it must not be called. */
  async function ask(asking: Asking = {}, answer?: HttpResponse | Down): Promise<Got> {
    const result = layered.call(request(asking));
    let sent: HttpRequest | undefined;
    if (answer === undefined) await mock.expectNoCall();
    else {
      const call = await mock.next();
      sent = call.request;
      if ("_tag" in answer) call.fail(answer);
      else call.answer(answer);
    }
    const settled = await result;
    assert.ok(!isLeft(settled), `failed: ${isLeft(settled) ? settled.left._tag : ""}`);
    return got(settled.right, sent);
  }

  /** Makes a call that is answered from the store, whatever else happens. */
  async function stored(): Promise<[body: string, how: string | undefined]> {
    const result = await layered.call(request({}));
    assert.ok(!isLeft(result), "failed");
    const { body, how } = await got(result.right);
    return [body, how];
  }

  return { clock, mock, layered, request, ask, stored };
}

export async function got(response: HttpResponse, sent?: HttpRequest): Promise<Got> {
  const body = await response.body.text();
  assert.ok(!isLeft(body), "the body broke off");
  return {
    status: response.status,
    body: body.right,
    fields: (name) => response.headers.get(name),
    how: response.headers.get("cache-status")?.replace(/^pagoda; /, ""),
    sent,
  };
}
