import { isIP } from "node:net";
import { fromBinary } from "@bufbuild/protobuf";
import { type Either, left, mustBe, right } from "@pagoda/core";
import { HttpConnectionManagerSchema } from "./generated/http_manager_pb.ts";
import type { FilterChain, Listener } from "./generated/listener_pb.ts";
import { type HttpSettings, httpSettingsOf } from "./http-manager.ts";
import { type ListenerTls, listenerTlsOf } from "./listener-tls.ts";
import { filterChainFields, filterChainMatchFields, listenerFields } from "./listener-fields.ts";
import { skippedFields } from "./unknown-fields.ts";

/** A listener of the control plane, as far as it is supported. */
export interface ListenerResource extends HttpSettings {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  /** Absent: plain text. */
  readonly tls?: ListenerTls;
  /** Settings that have no effect here, by their names. */
  readonly ignored: readonly string[];
}

interface Reading {
  readonly problems: string[];
  readonly ignored: Set<string>;
}

const manager = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
/** They find out what a connection speaks, as every listener here does by itself. */
const inspectors = ["tls_inspector", "http_inspector"].map(
  (name) => `envoy.extensions.filters.listener.${name}.v3.`,
);

/**
 * Validates and translates a listener: one address, one chain, HTTP. `Left`: each
 * problem with its field.
 */
export function listenerOf(message: Listener): Either<readonly string[], ListenerResource> {
  const reading: Reading = { problems: [], ignored: new Set() };
  const { problems, ignored } = reading;
  for (const name of skippedFields(message.$unknown, listenerFields, "", problems)) ignored.add(name);
  if (message.bindToPort === false) problems.push(mustBe("bind_to_port", "true", false));
  for (const { name, configType } of message.listenerFilters) {
    const type = configType.case === "typedConfig" ? configType.value.typeUrl : "";
    if (!inspectors.some((known) => type.includes(`/${known}`)))
      problems.push(mustBe("listener_filters", "tls_inspector or http_inspector", name || type));
  }
  const place = addressOf(message, problems);
  const [chain, ...others] = message.filterChains;
  if (chain === undefined || others.length > 0)
    problems.push(mustBe("filter_chains", "one chain", `${message.filterChains.length}`));
  const http = chain && httpOf(chain, "filter_chains[0].", reading);
  if (problems.length > 0 || http === undefined || place === undefined) return left(problems);
  return right({ name: message.name, ...place, ...http, ignored: [...ignored] });
}

function addressOf(
  { address }: Listener,
  problems: string[],
): Pick<ListenerResource, "address" | "port"> | undefined {
  const found = address?.address;
  if (found?.case !== "socketAddress") {
    problems.push(mustBe("address", "a socket_address", found?.case));
    return undefined;
  }
  const { protocol, address: ip, portSpecifier } = found.value;
  const port = portSpecifier.case === "portValue" ? portSpecifier.value : undefined;
  if (protocol !== 0) problems.push(mustBe("address.protocol", "TCP", protocol === 1 ? "UDP" : protocol));
  if (isIP(ip) === 0) problems.push(mustBe("address.address", "an IP address", ip));
  if (port === undefined) problems.push(mustBe("address.port_value", "a port", portSpecifier.value));
  return port === undefined ? undefined : { address: ip, port };
}

function httpOf(
  chain: FilterChain,
  at: string,
  reading: Reading,
): (HttpSettings & Pick<ListenerResource, "tls">) | undefined {
  const { problems } = reading;
  for (const name of skippedFields(chain.$unknown, filterChainFields, at, problems))
    reading.ignored.add(name);
  const { filterChainMatch: match, transportSocket: socket, filters } = chain;
  skippedFields(match?.$unknown, filterChainMatchFields, `${at}filter_chain_match.`, problems);
  const tls = listenerTlsOf(socket, at, reading);
  const transport = match?.transportProtocol ?? "";
  const expected = tls === undefined ? "raw_buffer" : "tls";
  if (transport !== "" && transport !== expected)
    problems.push(mustBe(`${at}filter_chain_match.transport_protocol`, expected, transport));
  const [filter, ...others] = filters;
  const any = filter?.configType.case === "typedConfig" ? filter.configType.value : undefined;
  if (any === undefined || others.length > 0 || !any.typeUrl.endsWith(`/${manager}`)) {
    problems.push(
      mustBe(`${at}filters`, "one http_connection_manager", filters.map(({ name }) => name).join(", ")),
    );
    return undefined;
  }
  try {
    const manager = fromBinary(HttpConnectionManagerSchema, any.value);
    const http = httpSettingsOf(manager, `${at}filters[0].`, reading);
    return http && { ...http, ...(tls && { tls }) };
  } catch {
    problems.push(`${at}filters[0].typed_config cannot be decoded`);
    return undefined;
  }
}
