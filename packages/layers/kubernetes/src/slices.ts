import { isIP } from "node:net";
import { type Endpoint, formatValue } from "@pagoda/core";

/** An endpoint of a Kubernetes service. */
export interface KubernetesEndpoint extends Endpoint {
  /** Name of the service, for TLS: `shop.default.svc`. */
  readonly host: string;
  readonly address: string;
  readonly port: number;
  /** The pod, if it is one. */
  readonly pod?: string;
  /** The zone in which it runs, if known. */
  readonly zone?: string;
}

/** An EndpointSlice, as far as it is used. */
export interface Slice {
  readonly name: string;
  /** Undefined for names (FQDN), which are not supported. */
  readonly family: 4 | 6 | undefined;
  readonly ports: readonly { readonly name: string; readonly port: number | undefined }[];
  readonly endpoints: readonly SliceEndpoint[];
  /** Entries that are left out. */
  readonly problems: readonly string[];
}

interface SliceEndpoint {
  readonly address: string;
  /** Whether it is ready; or, `leaving`, ending but still serving; or neither. */
  readonly state: "ready" | "leaving" | "unready";
  readonly pod: string | undefined;
  readonly zone: string | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

/** Parses an EndpointSlice. @returns What is wrong with it as a whole, or the slice. */
export function parseSlice(value: unknown): string | Slice {
  const { metadata, addressType, ports, endpoints } = fieldsOf(value);
  const { name } = fieldsOf(metadata);
  if (typeof name !== "string" || name === "")
    return `metadata.name of an EndpointSlice must be a name (got ${formatValue(name)})`;
  const family = addressType === "IPv4" ? 4 : addressType === "IPv6" ? 6 : undefined;
  const problems: string[] = [];
  if (family === undefined)
    problems.push(`${name}: addressType must be IPv4 or IPv6 (got ${formatValue(addressType)})`);
  const parsed = family === undefined ? [] : listOf(endpoints).map((each) => parseEndpoint(each, family));
  for (const [n, each] of parsed.entries())
    if (typeof each === "string") problems.push(`${name}: endpoints[${n}]${each}`);
  return {
    name,
    family,
    ports: listOf(ports).flatMap(portOf),
    endpoints: parsed.filter((each) => typeof each !== "string"),
    problems,
  };
}

function parseEndpoint(value: unknown, family: 4 | 6): string | SliceEndpoint {
  const { addresses, conditions, targetRef, zone } = fieldsOf(value);
  // All addresses of an endpoint stand for the same; kube-proxy uses the first one, too.
  const [address] = listOf(addresses);
  if (typeof address !== "string" || isIP(address) !== family)
    return `.addresses[0] must be an IPv${family} address (got ${formatValue(address)})`;
  const { kind, name } = fieldsOf(targetRef);
  return {
    address,
    state: stateOf(fieldsOf(conditions)),
    pod: kind === "Pod" && typeof name === "string" ? name : undefined,
    zone: typeof zone === "string" ? zone : undefined,
  };
}

/** Conditions that are absent count as the API defines it. */
function stateOf({ ready, serving, terminating }: Fields): SliceEndpoint["state"] {
  const isReady = ready !== false;
  if (isReady) return "ready";
  return terminating === true && serving === true ? "leaving" : "unready";
}

/** A port for TCP; the protocol of others cannot carry HTTP. */
function portOf(value: unknown): Slice["ports"] {
  const { name, port, protocol } = fieldsOf(value);
  if (protocol !== undefined && protocol !== "TCP") return [];
  const isPort = typeof port === "number" && Number.isInteger(port) && port >= 1 && port <= 65_535;
  return [{ name: typeof name === "string" ? name : "", port: isPort ? port : undefined }];
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** What the endpoints of a service are made of. */
export interface Service {
  readonly namespace: string;
  readonly service: string;
  readonly port: string | number;
  readonly scheme: string;
  readonly family: 4 | 6 | undefined;
}

/** The endpoints of a service, and one line for each problem of its slices. */
export interface Found {
  readonly endpoints: readonly KubernetesEndpoint[];
  readonly problems: readonly string[];
}

/**
 * The endpoints in the slices of a service.
 *
 * Ready endpoints are used, and if there are none, those that are terminating but still serve, as
 * in kube-proxy: requests that arrive before the last pod has ended are better answered than
 * refused.
 *
 * A pod of a dual-stack service is in a slice for each IP version, but is one endpoint: without
 * `family`, the IPv4 addresses are used unless none is ready.
 */
export function endpointsIn(slices: Iterable<Slice>, service: Service): Found {
  const problems: string[] = [];
  const candidates: (SliceEndpoint & { readonly family: 4 | 6; readonly port: number })[] = [];
  for (const { name, family, ports, endpoints, problems: own } of slices) {
    problems.push(...own);
    if (family === undefined || endpoints.length === 0) continue;
    const port = portIn(ports, service.port);
    if (port === undefined) {
      problems.push(`${name}: ports must include ${formatValue(service.port)} (got ${portsText(ports)})`);
      continue;
    }
    for (const each of endpoints) candidates.push({ ...each, family, port });
  }
  const of = (state: SliceEndpoint["state"], family: 4 | 6) =>
    candidates.filter((each) => each.state === state && each.family === family);
  const families = service.family === undefined ? ([4, 6] as const) : [service.family];
  const choices = (["ready", "leaving"] as const).flatMap((state) =>
    families.map((family) => of(state, family)),
  );
  const chosen = choices.find((each) => each.length > 0) ?? [];
  // An endpoint may be in two slices while it moves from one to the other.
  const byKey = new Map(chosen.map((each) => endpointOf(each, service)).map((each) => [each.key, each]));
  return { endpoints: [...byKey.values()], problems };
}

function endpointOf(
  { address, port, pod, zone }: SliceEndpoint & { readonly port: number },
  { scheme, namespace, service }: Service,
): KubernetesEndpoint {
  return {
    key: `${scheme}://${address.includes(":") ? `[${address}]` : address}:${port}`,
    host: `${service}.${namespace}.svc`,
    address,
    port,
    ...(pod !== undefined && { pod }),
    ...(zone !== undefined && { zone }),
  };
}

/**
 * The port of the endpoints in a slice. Slices of one service may have different numbers for the
 * same name. A number is used as it is where a slice does not restrict the ports.
 */
function portIn(ports: Slice["ports"], wanted: string | number): number | undefined {
  if (typeof wanted === "string") return ports.find(({ name }) => name === wanted)?.port;
  const isAny = ports.length === 0 || ports.some(({ port }) => port === undefined);
  return isAny || ports.some(({ port }) => port === wanted) ? wanted : undefined;
}

function portsText(ports: Slice["ports"]): string {
  if (ports.length === 0) return "none";
  return ports.map(({ name, port = "any" }) => (name === "" ? `${port}` : `"${name}" (${port})`)).join(", ");
}
