import { createPrivateKey, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { type ConnectionOptions, createSecureContext, type SecureContext } from "node:tls";
import { checkOneOf, checkOption, notShown, rangeError } from "@pagoda/core";
import { isSanMatch, sanCheck, type SanMatch, validSan } from "@pagoda/http";

/** TLS settings of connections to an origin. */
export interface TlsOptions {
  /** Certificate authorities (PEM) to trust instead of the system's. */
  readonly ca?: string | readonly string[];
  /** Server name for SNI and certificate verification. Default: the origin's host. */
  readonly servername?: string;
  /**
   * Subject alternative names, one of which the certificate must have instead of the host:
   * `{ dns }`, or `{ uri: "spiffe://mesh/ns/shop/sa/orders" }`. Default: none, and the certificate
   * must match `servername`.
   */
  readonly sans?: readonly SanMatch[];
  /**
   * Client certificate (PEM) for origins that request one, followed by its chain. Requires `key`.
   */
  readonly certificate?: string;
  /** Private key of `certificate` (PEM, without a passphrase). */
  readonly key?: string;
  /**
   * Whether to verify the origin's certificate. Default true. Without verification anyone on the
   * path can impersonate the origin; use it for tests, or in networks protected otherwise.
   */
  readonly verify?: boolean;
  /** Minimum TLS version. Default `TLSv1.2`. */
  readonly minVersion?: "TLSv1.2" | "TLSv1.3";
}

/** The options of `tls.connect` that depend on {@link TlsOptions}. */
export type TlsConnectOptions = Pick<
  ConnectionOptions,
  "secureContext" | "rejectUnauthorized" | "checkServerIdentity" | "servername"
>;

/**
 * Returns the TLS options of connections to an origin, for `tls.connect` and for clients that use
 * it, such as undici's `connect`. The name for SNI and verification is the
 * origin's, whatever the `Host` of a request. Certificates are parsed once for all connections.
 *
 * @throws RangeError naming the invalid option. Keys are secrets, so it never contains any part of
 * one.
 */
export function tlsOptions(host: string, options: TlsOptions = {}): TlsConnectOptions {
  const { ca, servername, certificate, key, sans, verify = true, minVersion = "TLSv1.2" } = options;
  checkOneOf("transport: tls.verify", verify, [true, false]);
  checkOneOf("transport: tls.minVersion", minVersion, ["TLSv1.2", "TLSv1.3"]);
  checkSans(sans, verify);
  const name = servername ?? (isIP(host) === 0 ? host : undefined);
  return {
    secureContext: contextOf({ ca, certificate, key, minVersion }),
    rejectUnauthorized: verify,
    ...(sans !== undefined && { checkServerIdentity: sanCheck(sans) }),
    ...(name !== undefined && { servername: name }),
  };
}

type ContextOptions = {
  readonly [N in "ca" | "certificate" | "key" | "minVersion"]: TlsOptions[N] | undefined;
};

/**
 * Cache of the last context: endpoints of a cluster share it, and creating one takes a third of a
 * millisecond.
 */
let last: { readonly options: ContextOptions; readonly context: SecureContext } | undefined;

function contextOf(options: ContextOptions): SecureContext {
  const { ca, certificate, key, minVersion } = options;
  if (
    last !== undefined &&
    (ca === undefined || typeof ca === "string") &&
    last.options.ca === ca &&
    last.options.certificate === certificate &&
    last.options.key === key &&
    last.options.minVersion === minVersion
  )
    return last.context;
  const authorities = ca === undefined || typeof ca === "string" ? ca : [...ca];
  if (typeof authorities === "string") checkCertificates("tls.ca", authorities);
  else authorities?.forEach((each, at) => checkCertificates(`tls.ca[${at}]`, each));
  checkPair(certificate, key);
  const context = secureContext({
    ...(minVersion !== undefined && { minVersion }),
    ...(authorities !== undefined && { ca: authorities }),
    ...(certificate !== undefined && { cert: certificate, key }),
  });
  last = { options, context };
  return context;
}

function checkSans(sans: TlsOptions["sans"], verify: boolean): void {
  if (sans === undefined) return;
  const isList = Array.isArray(sans) && sans.length > 0;
  checkOption("transport: tls.sans", sans, isList, "a list with at least one entry");
  sans.forEach((san, at) => checkOption(`transport: tls.sans[${at}]`, san, isSanMatch(san), validSan));
  checkOption("transport: tls.verify", verify, verify, "true if tls.sans are given");
}

const oneCertificate = /-----BEGIN ([A-Z0-9 ]*CERTIFICATE)-----[\s\S]*?-----END \1-----/g;

/** Parses every certificate, since OpenSSL silently ignores unreadable ones. */
function checkCertificates(option: string, pem: string): readonly X509Certificate[] {
  const texts = typeof pem === "string" ? pem.match(oneCertificate) : null;
  if (texts === null)
    throw rangeError(
      `transport: ${option}`,
      "a certificate in PEM, which begins with -----BEGIN CERTIFICATE-----",
      notShown,
    );
  return texts.map((text, at) => {
    try {
      return new X509Certificate(text);
    } catch (cause) {
      const which = texts.length === 1 ? option : `certificate ${at + 1} of ${texts.length} in ${option}`;
      throw rangeError(`transport: ${which}`, "a certificate that can be read", notShown, cause);
    }
  });
}

function checkPair(certificate: string | undefined, key: string | undefined): void {
  if (certificate === undefined && key === undefined) return;
  if (certificate === undefined || key === undefined) {
    const [given, missing] = key === undefined ? ["certificate", "key"] : ["key", "certificate"];
    throw rangeError(`transport: tls.${missing}`, `given together with tls.${given}`, undefined);
  }
  const [own] = checkCertificates("tls.certificate", certificate);
  if (!own?.checkPrivateKey(privateKey(key)))
    throw rangeError("transport: tls.key", "the key of tls.certificate", notShown);
}

function privateKey(key: string): ReturnType<typeof createPrivateKey> {
  try {
    return createPrivateKey(key);
  } catch (cause) {
    throw rangeError("transport: tls.key", "a private key in PEM without a passphrase", notShown, cause);
  }
}

function secureContext(options: Parameters<typeof createSecureContext>[0]): SecureContext {
  try {
    return createSecureContext(options);
  } catch (cause) {
    // Everything could be parsed, so the remaining cause is that OpenSSL considers something too
    // weak.
    const expected = `options that OpenSSL accepts: ${(cause as Error).message}`;
    throw rangeError("transport: tls", expected, notShown, cause);
  }
}
