/**
 * Names of the header fields that belong to one connection (RFC 9110, 7.6.1; RFC 9113, 8.2.2), in
 * lower case.
 */
export const connectionFields = [
  "connection",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "te",
  "transfer-encoding",
  "upgrade",
] as const;
