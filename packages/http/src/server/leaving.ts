import type { HttpRequest, HttpResponse } from "../message.ts";

/** Whether a response accepts that its connection, or stream, is used for something else than HTTP from now on. */
export function isAccepted({ method, upgrade }: HttpRequest, { status }: HttpResponse): boolean {
  return method === "CONNECT" ? status >= 200 && status < 300 : upgrade !== undefined && status === 101;
}

/** Fields that such a response does not have: of the connection, written anew, and of a body, which it has none of. */
export const notInAcceptance: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "keep-alive",
  "transfer-encoding",
  "upgrade",
]);
