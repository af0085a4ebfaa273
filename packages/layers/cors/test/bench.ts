import { cors, type CorsOptions } from "@pagoda/cors";
import { isLeft } from "@pagoda/core";
import { mockService } from "@pagoda/core/testing";
import { HttpHeaders, type HttpRequest, httpRequest, type HttpResponse, httpResponse } from "@pagoda/http";

export type Fields = Readonly<Record<string, string | readonly string[]>>;

export const app = "https://app.example";

export function ask(headers: Fields, method = "GET"): HttpRequest {
  return httpRequest("http://api.example/lamps", { method, headers });
}

export function preflightOf(headers: Fields = {}, origin = app): HttpRequest {
  return ask({ origin, "access-control-request-method": "PUT", ...headers }, "OPTIONS");
}

/**
 * Sends a request through the layer to a mock that responds with these headers, and returns those of
 * the response, in lower case. `passed` says whether inner was called.
 */
export async function pass(options: CorsOptions, request: HttpRequest, answer: Fields = {}) {
  const mock = mockService<HttpRequest, HttpResponse>();
  const result = cors(options)(mock.service).call(request);
  const passed = mock.calls.length > 0;
  if (passed) {
    const call = await mock.next();
    call.answer({ ...httpResponse(200, "lamps"), headers: HttpHeaders.of(answer) });
  }
  const settled = await result;
  if (isLeft(settled)) throw new Error("the mock responded, but the layer failed");
  const { status, headers } = settled.right;
  return { passed, status, fields: fieldsOf(headers) };
}

/** Repeated fields are an error that browsers report, so none may be lost here. */
function fieldsOf(headers: HttpHeaders): Readonly<Record<string, string>> {
  const fields: Record<string, string> = {};
  for (const [name, value] of headers) {
    const lower = name.toLowerCase();
    fields[lower] = lower in fields ? `${fields[lower]} | ${value}` : value;
  }
  return fields;
}
