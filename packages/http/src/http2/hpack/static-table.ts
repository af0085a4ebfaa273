import { FieldName } from "../field-name.ts";

/** An entry of the static or a dynamic table (RFC 7541, 2.3). */
export class TableEntry {
  readonly name: FieldName;
  readonly value: string;
  /** Whether the value is a valid field value. */
  readonly isValid: boolean;

  constructor(name: FieldName, value: string, isValid: boolean) {
    this.name = name;
    this.value = value;
    this.isValid = isValid;
  }
}

/** Names of the static table and, behind a space, their values (RFC 7541, appendix A). */
const lines: readonly string[] = [
  ":authority",
  ":method GET",
  ":method POST",
  ":path /",
  ":path /index.html",
  ":scheme http",
  ":scheme https",
  ":status 200",
  ":status 204",
  ":status 206",
  ":status 304",
  ":status 400",
  ":status 404",
  ":status 500",
  "accept-charset",
  "accept-encoding gzip, deflate",
  "accept-language",
  "accept-ranges",
  "accept",
  "access-control-allow-origin",
  "age",
  "allow",
  "authorization",
  "cache-control",
  "content-disposition",
  "content-encoding",
  "content-language",
  "content-length",
  "content-location",
  "content-range",
  "content-type",
  "cookie",
  "date",
  "etag",
  "expect",
  "expires",
  "from",
  "host",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "if-unmodified-since",
  "last-modified",
  "link",
  "location",
  "max-forwards",
  "proxy-authenticate",
  "proxy-authorization",
  "range",
  "referer",
  "refresh",
  "retry-after",
  "server",
  "set-cookie",
  "strict-transport-security",
  "transfer-encoding",
  "user-agent",
  "vary",
  "via",
  "www-authenticate",
];

/** The static table: index 1 stands at 0. */
export const staticTable: readonly TableEntry[] = makeEntries();

function makeEntries(): TableEntry[] {
  const names = new Map<string, FieldName>();
  return lines.map((line) => {
    const space = line.indexOf(" ");
    const text = space < 0 ? line : line.slice(0, space);
    const name = names.get(text) ?? new FieldName(text);
    names.set(text, name);
    return new TableEntry(name, space < 0 ? "" : line.slice(space + 1), true);
  });
}

/** What an entry adds to the size of its table, besides name and value (RFC 7541, 4.1). */
export const entryOverhead = 32;
/** Initial maximum size of dynamic tables (RFC 9113, 6.5.2). */
export const defaultTableSize = 4_096;
