import { isLeft, isRight, type Service } from "@pagoda/core";
import { httpRequest, type HttpRequest, type HttpResponse } from "@pagoda/http";

/** No set of keys is larger. */
const maxBytes = 256 * 1_024;

/**
 * Returns a `load` for `keySet` that requests a URL.
 *
 * @param service Sends the requests, such as a transport or a client.
 * @param url The `jwks_uri` of the issuer.
 * @throws TypeError when the URL is not an absolute http or https URL.
 */
export function fetchedKeys(
  service: Service<HttpRequest, HttpResponse, unknown>,
  url: string,
): (signal: AbortSignal) => Promise<string> {
  const request = (): HttpRequest => httpRequest(url, { headers: { accept: "application/json" } });
  request();
  return async (signal) => {
    const result = await service.call(request(), signal);
    if (isLeft(result)) throw new Error("the keys cannot be requested", { cause: result.left });
    const { status, body } = result.right;
    if (status !== 200) {
      body.cancel();
      throw new Error(`the keys were answered with status ${status}`);
    }
    const text = await body.text({ maxBytes, signal });
    if (isRight(text)) return text.right;
    throw new Error("the keys cannot be read", { cause: text.left });
  };
}
