import { lists } from "./list.ts";

/**
 * Whether a connection can be used again after a message (RFC 9112, 9.3).
 *
 * @param minor Minor version of the message: 1 for HTTP/1.1.
 * @param options Values of its `Connection` fields, separated by commas; empty without such fields.
 */
export function persists(minor: number, options: string): boolean {
  return (minor > 0 || lists(options, "keep-alive")) && !lists(options, "close");
}
