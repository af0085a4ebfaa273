/** What a field name means to HTTP/2. */
export const fieldKind = {
  regular: 0,
  /** A pseudo-header field (RFC 9113, 8.3). */
  pseudo: 1,
  /** A field of the connection in HTTP/1.1, malformed here (RFC 9113, 8.2.2). */
  connection: 2,
  /** `TE`, which may only be `trailers`. */
  te: 3,
  contentLength: 4,
  /** Not a token, or not in lower case (RFC 9113, 8.2.1). */
  invalid: 5,
  /** Fields with a meaning in requests. */
  host: 6,
  cookie: 7,
  expect: 8,
} as const;

export type FieldKind = (typeof fieldKind)[keyof typeof fieldKind];

/** A field name with its meaning, which is found once for all its uses. */
export class FieldName {
  readonly text: string;
  readonly kind: FieldKind;

  constructor(text: string) {
    this.text = text;
    this.kind = kindOf(text);
  }
}

const special: ReadonlyMap<string, FieldKind> = new Map<string, FieldKind>([
  ["connection", fieldKind.connection],
  ["keep-alive", fieldKind.connection],
  ["proxy-connection", fieldKind.connection],
  ["transfer-encoding", fieldKind.connection],
  ["upgrade", fieldKind.connection],
  ["te", fieldKind.te],
  ["content-length", fieldKind.contentLength],
  ["host", fieldKind.host],
  ["cookie", fieldKind.cookie],
  ["expect", fieldKind.expect],
]);

const lowerCaseToken = /^[!#$%&'*+\-.^_`|~\da-z]+$/;

function kindOf(text: string): FieldKind {
  if (text.startsWith(":")) return fieldKind.pseudo;
  if (!lowerCaseToken.test(text)) return fieldKind.invalid;
  return special.get(text) ?? fieldKind.regular;
}
