import { fromBinary } from "@bufbuild/protobuf";
import { mustBe } from "@pagoda/core";
import type { TransportSocket } from "./generated/core_pb.ts";
import {
  type CommonTlsContext,
  DownstreamTlsContextSchema,
  type SdsSecretConfig,
} from "./generated/tls_pb.ts";
import { fieldName, type Skipped, skippedFields } from "./unknown-fields.ts";

/** TLS of a listener. Certificates and authorities are secrets of the control plane, by name. */
export interface ListenerTls {
  readonly certificates: readonly string[];
  readonly minVersion: "TLSv1.2" | "TLSv1.3";
  /** Authorities of client certificates; undefined: none are asked for. */
  readonly clients?: { readonly ca: string; readonly required: boolean };
}

interface Reading {
  readonly problems: string[];
  readonly ignored: Set<string>;
}

const contextFields: Skipped = {
  ignored: {
    6: "session_timeout",
    7: "disable_stateless_session_resumption",
    8: "ocsp_staple_policy",
    9: "full_scan_certs_on_sni_mismatch",
    10: "disable_stateful_session_resumption",
  },
  refused: { 3: "require_sni", 4: "session_ticket_keys", 5: "session_ticket_keys_sds_secret_config" },
};
const commonFields: Skipped = {
  // The protocols are those of the listener.
  ignored: { 4: "alpn_protocols", 15: "key_log" },
  refused: {
    2: "tls_certificates",
    9: "tls_certificate_certificate_provider",
    10: "validation_context_certificate_provider",
    11: "tls_certificate_certificate_provider_instance",
    12: "validation_context_certificate_provider_instance",
    13: "custom_handshaker",
    14: "tls_certificate_provider_instance",
  },
};
const parameterFields: Skipped = {
  ignored: {},
  refused: {
    2: "tls_maximum_protocol_version",
    3: "cipher_suites",
    4: "ecdh_curves",
    5: "signature_algorithms",
    6: "compliance_policies",
  },
};
const versions: readonly (ListenerTls["minVersion"] | undefined)[] = [
  "TLSv1.2",
  undefined,
  undefined,
  "TLSv1.2",
  "TLSv1.3",
];

/** Translates TLS of a listener. Undefined: plain text, or not supported. */
export function listenerTlsOf(
  socket: TransportSocket | undefined,
  at: string,
  reading: Reading,
): ListenerTls | undefined {
  const { problems } = reading;
  const type = socket?.typedConfig?.typeUrl ?? "";
  if (socket === undefined || type.endsWith(".raw_buffer.v3.RawBuffer")) return undefined;
  if (socket.typedConfig === undefined || !type.endsWith(".tls.v3.DownstreamTlsContext")) {
    problems.push(mustBe(`${at}transport_socket`, "raw_buffer or tls", socket.name));
    return undefined;
  }
  try {
    const place = `${at}transport_socket.`;
    const message = fromBinary(DownstreamTlsContextSchema, socket.typedConfig.value);
    skip(reading, skippedFields(message.$unknown, contextFields, place, problems));
    return contextOf(message.commonTlsContext, message.requireClientCertificate === true, place, reading);
  } catch {
    problems.push(`${at}transport_socket cannot be decoded`);
    return undefined;
  }
}

function contextOf(
  common: CommonTlsContext | undefined,
  required: boolean,
  at: string,
  reading: Reading,
): ListenerTls {
  const { problems } = reading;
  const place = `${at}common_tls_context.`;
  skip(reading, skippedFields(common?.$unknown, commonFields, place, problems));
  skippedFields(common?.tlsParams?.$unknown, parameterFields, `${place}tls_params.`, problems);
  const minimum = common?.tlsParams?.tlsMinimumProtocolVersion ?? 0;
  const minVersion = versions[minimum];
  if (minVersion === undefined)
    problems.push(mustBe(`${place}tls_params.tls_minimum_protocol_version`, "TLSv1_2 or TLSv1_3", minimum));
  const certificates = (common?.tlsCertificateSdsSecretConfigs ?? []).map((config) =>
    secretName(config, `${place}tls_certificate_sds_secret_configs`, problems),
  );
  if (certificates.length === 0)
    problems.push(mustBe(`${place}tls_certificate_sds_secret_configs`, "at least one secret", undefined));
  const ca = authoritiesOf(common, place, problems);
  if (required && ca === undefined)
    problems.push(`${at}require_client_certificate requires authorities from a secret`);
  return {
    certificates,
    minVersion: minVersion ?? "TLSv1.2",
    ...(ca !== undefined && { clients: { ca, required } }),
  };
}

function authoritiesOf(
  common: CommonTlsContext | undefined,
  at: string,
  problems: string[],
): string | undefined {
  const context = common?.validationContextType;
  if (context?.case === undefined) return undefined;
  if (context.case === "validationContextSdsSecretConfig")
    return secretName(context.value, `${at}validation_context_sds_secret_config`, problems);
  if (context.case === "validationContext") {
    problems.push(`${at}${fieldName(context.case)} must be absent`);
    return undefined;
  }
  const { defaultValidationContext: own, validationContextSdsSecretConfig: secret, $unknown } = context.value;
  const place = `${at}combined_validation_context.`;
  skippedFields($unknown, { ignored: {}, refused: {} }, place, problems);
  // Whatever it has restricts whom the secret would admit.
  if (own !== undefined && (own.trustedCa !== undefined || (own.$unknown ?? []).length > 0))
    problems.push(`${place}default_validation_context must be empty`);
  return secretName(secret, `${place}validation_context_sds_secret_config`, problems);
}

function secretName(config: SdsSecretConfig | undefined, at: string, problems: string[]): string {
  const source = config?.sdsConfig?.configSourceSpecifier.case;
  if (source !== "ads" && source !== "self")
    problems.push(mustBe(`${at}.sds_config`, "ads or self", source && fieldName(source)));
  if (!config?.name) problems.push(mustBe(`${at}.name`, "a name", undefined));
  return config?.name ?? "";
}

function skip({ ignored }: Reading, names: readonly string[]): void {
  for (const name of names) ignored.add(name);
}
