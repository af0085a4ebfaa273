import { createPrivateKey, X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";

const oneCertificate = /-----BEGIN ([A-Z0-9 ]*CERTIFICATE)-----[\s\S]*?-----END \1-----/g;

/** The certificates in a text, each as PEM. */
export function certificatesIn(text: string): readonly string[] {
  return text.match(oneCertificate) ?? [];
}

/**
 * Says what a text of certificates must be, if it is not. Each is checked, since an unreadable one
 * would silently be skipped.
 */
export function certificateProblem(text: string): string | undefined {
  const all = certificatesIn(text);
  if (all.length === 0)
    return "must be a certificate in PEM format, which begins with -----BEGIN CERTIFICATE-----";
  const wrong = all.findIndex((each) => !isCertificate(each));
  if (wrong === -1) return undefined;
  return `certificate ${wrong + 1} of ${all.length} cannot be read; it must be in PEM format, which begins with -----BEGIN CERTIFICATE-----`;
}

function isCertificate(text: string): boolean {
  try {
    new X509Certificate(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * Says what a private key must be, if it is not.
 *
 * @param certificate Its certificate; whether the two belong together is checked only if it is valid.
 */
export function keyProblem(key: string, certificate: string | undefined): string | undefined {
  try {
    const parsed = createPrivateKey(key);
    if (certificate === undefined || certificateProblem(certificate) !== undefined) return undefined;
    if (!new X509Certificate(certificate).checkPrivateKey(parsed)) return "is not the key of the certificate";
  } catch {
    return "must be a key in PEM format without a passphrase, which begins with -----BEGIN PRIVATE KEY-----";
  }
  try {
    createSecureContext({ cert: certificate, key });
    return undefined;
  } catch (error) {
    // OpenSSL rejects the rest as too weak.
    return `cannot be used with the certificate: ${(error as Error).message}`;
  }
}
