import { service, type Service } from "@pagoda/core";
import { type HttpRequest, httpResponse, type HttpResponse, json, text } from "@pagoda/core/http";
import { right } from "fp-ts/lib/Either.js";
import type { Registry } from "prom-client";

/** What the admin endpoint tells of. */
export interface AdminSubject {
  readonly registry: Registry;
  readonly stack: Pick<Service<never, unknown, unknown>, "describe">;
  /** Why no traffic should come here now; `undefined`: it may. */
  readonly notReady: () => string | undefined;
}

/** The operator's side of the proxy. */
export function admin({ registry, stack, notReady }: AdminSubject): Service<HttpRequest, HttpResponse> {
  const health = (): HttpResponse => text("ok\n");
  const ready = (): HttpResponse => {
    const reason = notReady();
    return reason === undefined ? text("ready\n") : text(`not ready: ${reason}\n`, 503);
  };
  const pages: Readonly<Record<string, () => HttpResponse | Promise<HttpResponse>>> = {
    "/health": health,
    "/healthz": health,
    "/ready": ready,
    "/readyz": ready,
    "/metrics": async () =>
      httpResponse(200, await registry.metrics(), { "content-type": registry.contentType }),
    "/stack": () => json(stack.describe()),
  };

  return service("admin", async ({ method, path }: HttpRequest) => {
    const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
    if (page === undefined)
      return right(text(`no such page; there are ${Object.keys(pages).join(" ")}\n`, 404));
    if (method !== "GET" && method !== "HEAD") return right(text("GET only\n", 405, { allow: "GET, HEAD" }));
    return right(await page());
  });
}
