import type { HttpHeaders } from "./headers.ts";

/**
 * Returns the `X-Request-Id` of a message if it is safe to log and to pass on: the field occurs once,
 * with 1 to 128 visible ASCII characters and no comma, which would indicate two merged ids.
 */
export function requestIdIn(headers: HttpHeaders): string | undefined {
  const [id, ...more] = headers.all("x-request-id");
  return id !== undefined && more.length === 0 && validId.test(id) ? id : undefined;
}

/** Visible ASCII except the comma. */
const validId = /^[!-+\--~]{1,128}$/;
