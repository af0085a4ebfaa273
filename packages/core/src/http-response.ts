/**
 * The shape by which an HTTP response is recognised: a numeric `status`, and `headers` with a
 * `get`. The responses of `@pagoda/http` and of `fetch` both have it.
 */
export interface HttpLike {
  readonly status: number;
  readonly headers: { get(name: string): string | null | undefined };
}

/** The relevant part of responses of `fetch` and `@pagoda/http`. */
export interface Recognised extends HttpLike {
  readonly body?: unknown;
}

export function isHttp(response: unknown): response is Recognised {
  if (typeof response !== "object" || response === null) return false;
  const { status, headers } = response as { readonly status?: unknown; readonly headers?: unknown };
  return (
    typeof status === "number" &&
    typeof headers === "object" &&
    headers !== null &&
    typeof (headers as { readonly get?: unknown }).get === "function"
  );
}

/**
 * Frees the resources of a response that nobody will read: cancels the body of an HTTP response,
 * which frees its connection. Other responses hold no resources. For layers that may receive a
 * response after they have stopped waiting for it.
 */
export function discardResponse(response: unknown): void {
  if (isHttp(response)) cancel(response.body);
}

/**
 * Cancels a `Body` or a stream of `fetch`, whose promise rejects if the stream already has a
 * reader.
 */
function cancel(body: unknown): void {
  if (typeof body !== "object" || body === null) return;
  const { cancel: run } = body as { readonly cancel?: unknown };
  if (typeof run !== "function") return;
  const cancelled: unknown = run.call(body);
  if (cancelled instanceof Promise) cancelled.catch(() => {});
}
