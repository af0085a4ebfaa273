/** Subject alternative names of a certificate. */
export interface SubjectAltNames {
  readonly uris: readonly string[];
  readonly names: readonly string[];
}

/** A name that a certificate must contain: a URI, such as a SPIFFE ID, or a DNS name. */
export type SanMatch =
  | {
      /**
       * `spiffe://mesh/ns/shop/sa/orders`, or with `*` as first or last character as a wildcard.
       */
      readonly uri: string;
    }
  | {
      /**
       * `orders.internal`, or with `*` as first or last character. Without `*`, a certificate for
       * `*.internal` matches, too, as it does for the host of a URL.
       */
      readonly dns: string;
    };

/** What {@link sanCheck} accepts, for messages. */
export const validSan = "{ uri } or { dns }, with a * at most as its first or last character";

/** Whether a value is a {@link SanMatch}. */
export function isSanMatch(value: unknown): value is SanMatch {
  if (typeof value !== "object" || value === null) return false;
  const [[kind, wanted] = [], another] = Object.entries(value) as [string, unknown][];
  if (another !== undefined || (kind !== "uri" && kind !== "dns") || typeof wanted !== "string") return false;
  // A lone * would accept any certificate of the authority.
  return /^(?:\*?[^*]+|[^*]+\*)$/.test(wanted);
}

/**
 * Returns a check that a certificate contains one of several names. TLS clients use it instead of
 * the host check for origins that are known by identity. Pass it to `tls.connect` as
 * `checkServerIdentity`, which runs only if the certificate was issued by a trusted authority.
 *
 * Source: Envoy's `match_typed_subject_alt_names`, which replaces the host check in the same way.
 *
 * @param matches Valid names; one match is enough.
 * @returns A function that returns `undefined`, or an error with Node's code for a certificate of
 * another host.
 */
export function sanCheck(
  matches: readonly SanMatch[],
): (host: string, certificate: { readonly subjectaltname?: string | undefined }) => Error | undefined {
  const tests = matches.map((match) =>
    "uri" in match
      ? { of: "uris" as const, fits: textTest(match.uri) }
      : { of: "names" as const, fits: dnsTest(match.dns) },
  );
  const wanted = matches
    .map((match) => ("uri" in match ? `URI:${match.uri}` : `DNS:${match.dns}`))
    .join(", ");
  return (_host, { subjectaltname = "" }) => {
    const shown = subjectAltNames(subjectaltname);
    if (tests.some(({ of, fits }) => shown[of].some(fits))) return undefined;
    const message = `certificate must show one of ${wanted} (got ${subjectaltname || "no alternative name"})`;
    return Object.assign(new Error(message), { code: "ERR_TLS_CERT_ALTNAME_INVALID" });
  };
}

/**
 * Parses the URIs and DNS names in `DNS:a.example, URI:"spiffe://…"`. Node quotes ambiguous names.
 */
export function subjectAltNames(text: string): SubjectAltNames {
  const entries = text.match(/[^,\s"][^,"]*(?:"(?:[^"\\]|\\.)*")?/g) ?? [];
  const of = (type: string): string[] =>
    entries.flatMap((entry) => (entry.startsWith(type) ? [unquoted(entry.slice(type.length))] : []));
  return { uris: of("URI:"), names: of("DNS:") };
}

function unquoted(text: string): string {
  return text.startsWith('"') ? (JSON.parse(text) as string) : text;
}

function textTest(wanted: string): (name: string) => boolean {
  if (wanted.startsWith("*")) return (name) => name.endsWith(wanted.slice(1));
  if (wanted.endsWith("*")) return (name) => name.startsWith(wanted.slice(0, -1));
  return (name) => name === wanted;
}

/** Matches case-insensitively; `*.` in a certificate stands for one label. */
function dnsTest(wanted: string): (name: string) => boolean {
  const lower = wanted.toLowerCase();
  const test = textTest(lower);
  const parent = lower.includes("*") ? undefined : lower.slice(lower.indexOf("."));
  return (name) => {
    const shown = name.toLowerCase();
    if (!shown.startsWith("*.")) return test(shown);
    return parent === undefined ? test(shown) : parent.length > 1 && shown.slice(1) === parent;
  };
}
