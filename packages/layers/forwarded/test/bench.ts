import {
  type FromClient,
  HttpHeaders,
  type HttpRequest,
  httpRequest,
  type HttpResponse,
  httpResponse,
  type Identified,
} from "@pagoda/http";
import { isRight } from "@pagoda/core";
import { mockService } from "@pagoda/core/testing";
import { forwarded, type ForwardedOptions } from "@pagoda/forwarded";

export const client = { address: "203.0.113.7", port: 50_123 };
/** A header: name and value. */
export type Field = readonly [name: string, value: string];

/** The request received by the inner service, and the response received by the client. */
export interface Passage {
  readonly inner: HttpRequest & Identified & FromClient;
  readonly outer: HttpResponse;
}

/** A request from `client` with these headers. */
export function requestWith(fields: readonly Field[], change: Partial<HttpRequest> = {}): HttpRequest {
  const headers = HttpHeaders.of(fields);
  return { ...httpRequest("http://shop.example/cart?full"), peer: client, headers, ...change };
}

/**
 * Sends a request through the layer and responds with these headers. Ids are `new-1`, `new-2`, …
 */
export async function pass(
  request: HttpRequest,
  options: ForwardedOptions = {},
  answer: readonly Field[] = [],
): Promise<Passage> {
  const mock = mockService<HttpRequest & Identified & FromClient, HttpResponse>();
  let made = 0;
  const layered = forwarded({ newId: () => `new-${++made}`, ...options })(mock.service);
  const result = layered.call(request);
  const call = await mock.next();
  call.answer({ ...httpResponse(200, "ok"), headers: HttpHeaders.of(answer) });
  const settled = await result;
  if (!isRight(settled)) throw new Error("the mock responded, but the layer failed");
  return { inner: call.request, outer: settled.right };
}
