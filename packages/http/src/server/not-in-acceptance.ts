/**
 * Fields that a response which opens a tunnel must not have: connection fields, which are written
 * anew, and fields of a body.
 */
export const notInAcceptance: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "keep-alive",
  "transfer-encoding",
  "upgrade",
]);
