import { singleValued } from "@pagoda/http";
import { isToken } from "@pagoda/http/grammar";

/** What a field of a request or a trailer needs before it is sent over HTTP/2. */
export const fieldKind = {
  ordinary: 0,
  /** Has one value: see `joinsRepeated`. */
  single: 1,
  /**
   * A connection field of HTTP/1.1 (RFC 9113, section 8.2.2), or replaced by a pseudo-header field.
   */
  leftOut: 2,
  te: 3,
  expect: 4,
  contentLength: 5,
  webSocketKey: 6,
  /** Not a token. */
  invalid: 7,
} as const;

type FieldKind = (typeof fieldKind)[keyof typeof fieldKind];

export interface KnownField {
  /** In lower case. */
  readonly name: string;
  readonly kind: FieldKind;
}

/** Names by kind, so that the names of usual fields are looked at once. */
const usual: Readonly<Record<"ordinary" | "leftOut", string>> = {
  ordinary: `accept accept-charset accept-encoding accept-language baggage cache-control cookie forwarded
    grpc-accept-encoding grpc-encoding grpc-timeout origin pragma priority
    sec-ch-ua sec-ch-ua-mobile sec-ch-ua-platform sec-fetch-dest sec-fetch-mode sec-fetch-site sec-fetch-user
    sec-websocket-extensions sec-websocket-protocol sec-websocket-version traceparent tracestate via
    x-forwarded-for x-forwarded-host x-forwarded-port x-forwarded-proto x-real-ip x-request-id x-requested-with`,
  leftOut: "connection host http2-settings keep-alive proxy-connection transfer-encoding upgrade",
};

const fields: ReadonlyMap<string, KnownField> = usualFields();

function usualFields(): Map<string, KnownField> {
  const made = new Map<string, KnownField>();
  const add = (name: string, kind: FieldKind): void => {
    const field = { name, kind };
    made.set(name, field);
    // As browsers and other HTTP/1.1 clients write it.
    made.set(
      name.replace(/(?:^|-)[a-z]/g, (letters) => letters.toUpperCase()),
      field,
    );
  };
  for (const kind of ["ordinary", "leftOut"] as const)
    for (const name of usual[kind].split(/\s+/)) add(name, fieldKind[kind]);
  for (const name of singleValued) add(name, fieldKind.single);
  add("te", fieldKind.te);
  add("expect", fieldKind.expect);
  add("content-length", fieldKind.contentLength);
  add("sec-websocket-key", fieldKind.webSocketKey);
  return made;
}

/** Finds what a field name means, in any case. */
export function knownField(written: string): KnownField {
  return fields.get(written) ?? otherField(written.toLowerCase());
}

function otherField(name: string): KnownField {
  return fields.get(name) ?? { name, kind: isToken(name) ? fieldKind.ordinary : fieldKind.invalid };
}

/**
 * Whether fields must be joined into one line for each name before another one with one value is
 * added: an origin on `node:http2` sees only the first of several such lines, and others reject the
 * request. Joined they mean the same (RFC 9110, 5.3).
 *
 * @param added Alternating names in lower case and values.
 */
export function joinsRepeated(added: readonly string[], { name, kind }: KnownField): boolean {
  if (kind !== fieldKind.single) return false;
  for (let at = 0; at < added.length; at += 2) if (added[at] === name) return true;
  return false;
}
