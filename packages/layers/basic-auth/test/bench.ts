import { basicAuth, type BasicAuthOptions, type Authenticated, type Credentials } from "@pagoda/basic-auth";
import type { Either } from "@pagoda/core";
import { mockService } from "@pagoda/core/testing";
import { HttpHeaders, type HttpRequest, httpRequest, type HttpResponse, httpResponse } from "@pagoda/http";

/** The value of `Authorization` for a name and a password. */
export function basic(text: string, encoding: BufferEncoding = "utf8"): string {
  return `Basic ${Buffer.from(text, encoding).toString("base64")}`;
}

export function asked(...authorization: readonly string[]): HttpRequest {
  const headers = new HttpHeaders(authorization.flatMap((value) => ["Authorization", value]));
  return { ...httpRequest("http://shop.example/"), headers };
}

/** Accepts any credentials and returns them. */
export const anyone = (credentials: Credentials): Credentials => credentials;

export type Inner = HttpRequest & Authenticated<Credentials>;

/** Calls the layer around a mock that responds at once. */
export async function call(
  request: HttpRequest,
  options: Partial<BasicAuthOptions<Credentials>> = {},
): Promise<{ readonly result: Either<unknown, HttpResponse>; readonly inner: Inner | undefined }> {
  const mock = mockService<Inner, HttpResponse>();
  const result = basicAuth({ verify: anyone, ...options })(mock.service).call(request);
  let inner: Inner | undefined;
  if (mock.calls.length > 0) {
    const { request, answer } = await mock.next();
    inner = request;
    answer(httpResponse(200));
  }
  return { result: await result, inner };
}
