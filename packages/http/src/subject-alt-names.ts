/** Names in a certificate, by which the other end of a connection is known. */
export interface SubjectAltNames {
  readonly uris: readonly string[];
  readonly names: readonly string[];
}

/** A name that a certificate must show: one of its URIs, such as a SPIFFE id, or of its DNS names. */
export type SanMatch =
  | {
      /** `spiffe://mesh/ns/shop/sa/orders`, or with a `*` first or last for any beginning or end. */
      readonly uri: string;
    }
  | {
      /**
       * `orders.internal`, or with a `*` first or last. Without one a certificate for `*.internal` fits, too, as it does
       * for the host of a URL.
       */
      readonly dns: string;
    };

/** What {@link sanCheck} takes, for messages. */
export const validSan = "{ uri } or { dns }, with a * at most as its first or last character";

/** Whether a value is a {@link SanMatch}. */
export function isSanMatch(value: unknown): value is SanMatch {
  if (typeof value !== "object" || value === null) return false;
  const [[kind, wanted] = [], another] = Object.entries(value) as [string, unknown][];
  if (another !== undefined || (kind !== "uri" && kind !== "dns") || typeof wanted !== "string") return false;
  // A single * would let any certificate of the authority pass.
  return /^(?:\*?[^*]+|[^*]+\*)$/.test(wanted);
}

/**
 * Says whether a certificate shows one of several names: what TLS clients check instead of the host, for origins that are
 * known by who they are. It fits `tls.connect`'s `checkServerIdentity`, which is asked only if an authority that is
 * trusted vouches for the certificate.
 *
 * Source: Envoy's `match_typed_subject_alt_names`, which takes the place of the host in the same way.
 *
 * @param matches Valid ones; one that fits is enough.
 * @returns Gives an error with the code that Node has for a certificate of somebody else, or `undefined`.
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

/** The URIs and DNS names in `DNS:a.example, URI:"spiffe://…"`: Node quotes what could be read otherwise. */
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

/** Case does not count, and `*.` in a certificate stands for one label. */
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
