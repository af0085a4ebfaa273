import { right, service, type Service } from "@pagoda/core";
import { type HttpRequest, type HttpResponse, json } from "@pagoda/http";

/** An origin that echoes requests, to try the proxy with. */
export function demoOrigin(name: string): Service<HttpRequest, HttpResponse> {
  return service(`demo-${name}`, async ({ method, path, query, headers }: HttpRequest) =>
    right(json({ origin: name, method, target: path + query, headers: Object.fromEntries(headers) })),
  );
}
