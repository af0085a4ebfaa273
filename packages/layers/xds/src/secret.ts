import { type Either, left, mustBe, right } from "@pagoda/core";
import type { DataSource } from "./generated/core_pb.ts";
import type {
  CertificateValidationContext,
  Secret as SecretMessage,
  TlsCertificate,
} from "./generated/secret_pb.ts";
import { fieldName, type Skipped, skippedFields } from "./unknown-fields.ts";

/** What a control plane sends as a secret, as PEM. */
export type Secret = CertificateSecret | AuthoritiesSecret;

/** A certificate chain and its private key. */
export interface CertificateSecret {
  readonly type: "certificate";
  readonly certificate: string;
  readonly key: string;
}

/** Certificates of trusted authorities. */
export interface AuthoritiesSecret {
  readonly type: "authorities";
  readonly ca: string;
}

// All fields that are not read change what is presented or who is trusted.
const secretFields: Skipped = { ignored: {}, refused: {} };
const certificateFields: Skipped = {
  ignored: {},
  refused: {
    3: "password",
    4: "ocsp_staple",
    5: "signed_certificate_timestamp",
    6: "private_key_provider",
    7: "watched_directory",
    8: "pkcs12",
  },
};
const validationFields: Skipped = {
  ignored: {},
  refused: {
    2: "verify_certificate_spki",
    3: "verify_certificate_hash",
    6: "require_signed_certificate_timestamp",
    7: "crl",
    8: "allow_expired_certificate",
    9: "match_subject_alt_names",
    10: "trust_chain_verification",
    11: "watched_directory",
    12: "custom_validator_config",
    13: "ca_certificate_provider_instance",
    14: "only_verify_leaf_cert_crl",
    15: "match_typed_subject_alt_names",
    16: "max_verify_depth",
    17: "system_root_certs",
  },
};

/**
 * Validates a secret, but not its PEM. Only a certificate with its key, and authorities, both
 * inline, are supported. `Left`: each problem with its field, without what the secret contains.
 */
export function secretOf({ type, $unknown }: SecretMessage): Either<readonly string[], Secret> {
  const problems: string[] = [];
  skippedFields($unknown, secretFields, "", problems);
  const secret =
    type.case === "tlsCertificate"
      ? certificateOf(type.value, problems)
      : type.case === "validationContext"
        ? authoritiesOf(type.value, problems)
        : undefined;
  if (secret === undefined)
    problems.push(mustBe("type", "tls_certificate or validation_context", type.case && fieldName(type.case)));
  return secret === undefined || problems.length > 0 ? left(problems) : right(secret);
}

function certificateOf(
  { certificateChain, privateKey, $unknown }: TlsCertificate,
  problems: string[],
): CertificateSecret {
  skippedFields($unknown, certificateFields, "tls_certificate.", problems);
  return {
    type: "certificate",
    certificate: inline(certificateChain, "tls_certificate.certificate_chain", problems),
    key: inline(privateKey, "tls_certificate.private_key", problems),
  };
}

function authoritiesOf(
  { trustedCa, $unknown }: CertificateValidationContext,
  problems: string[],
): AuthoritiesSecret {
  skippedFields($unknown, validationFields, "validation_context.", problems);
  return { type: "authorities", ca: inline(trustedCa, "validation_context.trusted_ca", problems) };
}

/** The text of a source; the others name files and variables of the machine of the proxy. */
function inline(source: DataSource | undefined, at: string, problems: string[]): string {
  const specifier = source?.specifier;
  if (specifier?.case === "inlineBytes") return new TextDecoder().decode(specifier.value);
  if (specifier?.case === "inlineString") return specifier.value;
  problems.push(mustBe(at, "inline_bytes or inline_string", specifier?.case && fieldName(specifier.case)));
  return "";
}
