/** Fields that a response which opens a tunnel does not have: of the connection, written anew, and of a body, which it has none of. */
export const notInAcceptance: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "keep-alive",
  "transfer-encoding",
  "upgrade",
]);
