import { type Service, service } from "@pagoda/core";
import { type HttpRequest, type HttpResponse, json } from "@pagoda/http";
import { right } from "fp-ts/lib/Either.js";

/** An origin that shows what reached it, so that the proxy can be tried without one of one's own. */
export function demoOrigin(name: string): Service<HttpRequest, HttpResponse> {
  return service(`demo-${name}`, async ({ method, path, query, headers }: HttpRequest) =>
    right(json({ origin: name, method, target: path + query, headers: Object.fromEntries(headers) })),
  );
}
