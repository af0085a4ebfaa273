import { isIPv4, isIPv6 } from "node:net";
import { type Either, left, right } from "fp-ts/lib/Either.js";
import { z } from "zod";

/** Where to listen. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface Config {
  readonly listen: Address;
  /** Origins, as `http://host:port`; empty: none configured. */
  readonly upstreams: readonly string[];
  readonly admin: Address;
  readonly requestTimeoutMs: number;
  readonly maxConnections: number;
  readonly logLevel: (typeof logLevels)[number];
}

/** One thing that is wrong with the configuration. */
export interface Problem {
  readonly variable: string;
  readonly value: string;
  /** What would be valid. */
  readonly valid: string;
}

const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;

/** A variable: how its text becomes a value, what holds where it is not set, and what is valid, for people. */
interface Variable<T> {
  readonly schema: z.ZodType<T, string>;
  readonly fallback: string;
  readonly valid: string;
  readonly about: string;
}

/** The environment variables of the program, in the order in which help lists them. */
export const variables = {
  PROXY_LISTEN_ADDR: {
    schema: z.string().transform(parseAddress),
    fallback: "127.0.0.1:3000",
    valid: "HOST:PORT or [IPV6]:PORT, with a port from 0 to 65535 (0: any free one)",
    about: "where clients connect",
  },
  PROXY_UPSTREAM_ADDRS: {
    schema: z.string().transform(parseUpstreams),
    fallback: "",
    valid:
      "one or more http://HOST:PORT or https://HOST:PORT, comma-separated, each once, nothing after the port",
    about: "the origins that answer; without it, two demo origins are started",
  },
  PROXY_METRICS_ADDR: {
    schema: z.string().transform(parseAddress),
    fallback: "127.0.0.1:9090",
    valid: "HOST:PORT or [IPV6]:PORT, with a port from 0 to 65535 (0: any free one)",
    about: "where operators look: /health /ready /metrics /stack",
  },
  PROXY_REQUEST_TIMEOUT_MS: wholeNumber(
    "30000",
    1,
    2_147_483_647,
    "milliseconds from a request to its response's head",
  ),
  PROXY_MAX_CONNECTIONS: wholeNumber(
    "10000",
    1,
    1_000_000,
    "client connections at once; a further one is closed",
  ),
  LOG_LEVEL: {
    schema: z.enum(logLevels) as unknown as z.ZodType<(typeof logLevels)[number], string>,
    fallback: "info",
    valid: `one of ${logLevels.join(", ")}`,
    about: "the least important log lines to write",
  },
} as const satisfies Record<string, Variable<unknown>>;

type Name = keyof typeof variables;

/** Reads the configuration from environment variables; `Left` lists every problem there is. */
export function readConfig(
  env: Readonly<Record<string, string | undefined>>,
): Either<readonly Problem[], Config> {
  const problems: Problem[] = [];
  function read<N extends Name>(variable: N): z.output<(typeof variables)[N]["schema"]> | undefined {
    const { schema, fallback, valid } = variables[variable];
    const text = env[variable]?.trim() || fallback;
    const parsed = schema.safeParse(text);
    if (parsed.success) return parsed.data as z.output<(typeof variables)[N]["schema"]>;
    problems.push({ variable, value: text, valid });
    return undefined;
  }
  const listen = read("PROXY_LISTEN_ADDR");
  const upstreams = read("PROXY_UPSTREAM_ADDRS");
  const admin = read("PROXY_METRICS_ADDR");
  const requestTimeoutMs = read("PROXY_REQUEST_TIMEOUT_MS");
  const maxConnections = read("PROXY_MAX_CONNECTIONS");
  const logLevel = read("LOG_LEVEL");
  if (listen && upstreams && admin && requestTimeoutMs && maxConnections && logLevel) {
    return right({ listen, upstreams, admin, requestTimeoutMs, maxConnections, logLevel });
  }
  return left(problems);
}

/** A line for people: what is wrong, and what would be right. */
export function problemLine({ variable, value, valid }: Problem): string {
  return `${variable} is "${value}"; valid is ${valid}`;
}

function wholeNumber(fallback: string, min: number, max: number, about: string): Variable<number> {
  const schema = z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number)
    .refine((value) => value >= min && value <= max);
  return { schema, fallback, valid: `a whole number from ${min} to ${max}`, about };
}

function parseAddress(text: string, context: z.RefinementCtx): Address {
  const [, ipv6, name = "", port] = /^(?:\[(.+)\]|([\w.-]+)):(\d{1,5})$/.exec(text) ?? [];
  const valid = ipv6 === undefined ? isHost(name) : isIPv6(ipv6);
  if (valid && Number(port) <= 65_535) return { host: ipv6 ?? name, port: Number(port) };
  return invalid(context);
}

/** A name, or an IPv4 address: what consists of numbers alone cannot be a name. */
function isHost(text: string): boolean {
  return isIPv4(text) || !/^[\d.]+$/.test(text);
}

function parseUpstreams(text: string, context: z.RefinementCtx): readonly string[] {
  if (text === "") return [];
  const origins = text.split(",").map((part) => originOf(part.trim()));
  const valid = origins.filter((origin) => origin !== undefined);
  if (valid.length < origins.length || new Set(valid).size < valid.length) return invalid(context);
  return valid;
}

function originOf(text: string): string | undefined {
  const url = URL.parse(text);
  const bare = url !== null && /^https?:\/\/[^/?#@\s]+\/?$/i.test(text);
  return bare && url.port !== "0" ? url.origin : undefined;
}

function invalid(context: z.RefinementCtx): never {
  context.addIssue({ code: "custom", message: "invalid" });
  return z.NEVER;
}
