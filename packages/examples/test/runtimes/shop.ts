// The upstream of the gateway, in the same program: a stack, too.
import { right, service, ServiceBuilder } from "@pagoda/core";
import { fetchRequest } from "@pagoda/fetch";
import { bodyFrom, type HttpRequest, type HttpResponse, httpResponse, json } from "@pagoda/http";
import { gateway } from "../../src/worker.ts";

let flaky = 0;

const shop = service("shop", async ({ path, body }: HttpRequest, signal) =>
  right(await answer(path, body, signal)),
);

async function answer(
  path: string,
  body: HttpRequest["body"],
  signal: AbortSignal | undefined,
): Promise<HttpResponse> {
  switch (path) {
    case "/shop/flaky":
      return ++flaky < 3 ? httpResponse(503) : json({ tries: flaky });
    case "/shop/down":
      return httpResponse(503);
    case "/shop/search":
      await new Promise((resolve) => signal?.addEventListener("abort", resolve));
      return httpResponse(200);
    case "/shop/echo":
      return httpResponse(200, bodyFrom(body));
    case "/shop/pieces":
      return httpResponse(200, bodyFrom(["some ", "bytes"]));
    default:
      return json({ path });
  }
}

const upstream = new ServiceBuilder<Request>().adapt(fetchRequest()).service(shop);

export const handler = gateway(async (input, init) => {
  const result = await upstream.call(new Request(input, init));
  if (result._tag === "Left") throw new Error("no response");
  return result.right;
});
