import { type Either, left, maxTimerMs, mustBe, right } from "@pagoda/core";
import { z } from "zod";
import { type Address, originOf, parseAddress, validAddress } from "./address.ts";
import { type Config, type ListenerConfig, logLevels } from "./schema/config.ts";

/** Settings from environment variables, which override the file. */
export interface Overrides {
  readonly file?: string | undefined;
  readonly listen?: Address | undefined;
  /** Origins, as `http://host:port`. */
  readonly upstreams?: readonly string[] | undefined;
  readonly admin?: Address | undefined;
  readonly requestTimeoutMs?: number | undefined;
  readonly maxConnections?: number | undefined;
  readonly workers?: Config["workers"] | undefined;
  readonly logLevel?: Config["log"]["level"] | undefined;
}

/** An invalid variable. */
export interface VariableProblem {
  readonly variable: string;
  readonly value: string;
  /** The valid values. */
  readonly valid: string;
}

/** A variable: its parser, its default and its valid values. */
interface Variable<T> {
  readonly schema: z.ZodType<T, string>;
  readonly fallback: string;
  readonly valid: string;
  readonly about: string;
}

/** The environment variables of the program, in the order of `--help`. */
export const variables = {
  PROXY_CONFIG: {
    schema: z.string(),
    fallback: "",
    valid: "path of a YAML file",
    about: "configuration file; the variables below override it, except for the timeouts of routes",
  },
  PROXY_LISTEN_ADDR: {
    schema: z.string().transform(addressOr),
    fallback: "127.0.0.1:3000",
    valid: validAddress,
    about: "address of the first listener, to which clients connect",
  },
  PROXY_UPSTREAM_ADDRS: {
    schema: z.string().transform(upstreamsOr),
    fallback: "",
    valid: "one or more http://HOST:PORT or https://HOST:PORT, comma-separated, without duplicates or paths",
    about: "origins; without them and without a file, two demo origins are started",
  },
  PROXY_METRICS_ADDR: {
    schema: z.string().transform(addressOr),
    fallback: "127.0.0.1:9090",
    valid: validAddress,
    about: "address of the admin endpoint: /health /ready /metrics /stack and more",
  },
  PROXY_REQUEST_TIMEOUT_MS: wholeNumber(
    "15000",
    1,
    maxTimerMs,
    "milliseconds for the upstream to receive a request and begin its response, for routes without a timeout in the file",
  ),
  PROXY_MAX_CONNECTIONS: wholeNumber(
    "10000",
    1,
    1_000_000,
    "maximum client connections per listener and worker; further ones are closed",
  ),
  PROXY_WORKERS: {
    schema: z.string().transform(workersOr),
    fallback: "all",
    valid: "an integer from 1 to 1024, or all",
    about: "number of worker processes; all: one per core, or as many as a container's CPU quota allows",
  },
  LOG_LEVEL: {
    schema: z.enum(logLevels) as unknown as z.ZodType<(typeof logLevels)[number], string>,
    fallback: "info",
    valid: `one of ${logLevels.join(", ")}`,
    about: "lowest level of log lines to write",
  },
} as const satisfies Record<string, Variable<unknown>>;

type Name = keyof typeof variables;

/** An environment such as `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Reads the variables; `Left` lists every problem. An empty variable counts as unset. */
export function readEnvironment(env: Environment): Either<readonly VariableProblem[], Overrides> {
  const problems: VariableProblem[] = [];
  function read<N extends Name>(variable: N): z.output<(typeof variables)[N]["schema"]> | undefined {
    const { schema, valid } = variables[variable];
    const text = env[variable]?.trim() ?? "";
    if (text === "") return undefined;
    const parsed = schema.safeParse(text);
    if (parsed.success) return parsed.data as z.output<(typeof variables)[N]["schema"]>;
    problems.push({ variable, value: text, valid });
    return undefined;
  }
  const overrides: Overrides = {
    file: read("PROXY_CONFIG"),
    listen: read("PROXY_LISTEN_ADDR"),
    upstreams: read("PROXY_UPSTREAM_ADDRS"),
    admin: read("PROXY_METRICS_ADDR"),
    requestTimeoutMs: read("PROXY_REQUEST_TIMEOUT_MS"),
    maxConnections: read("PROXY_MAX_CONNECTIONS"),
    workers: read("PROXY_WORKERS"),
    logLevel: read("LOG_LEVEL"),
  };
  return problems.length > 0 ? left(problems) : right(overrides);
}

/** Formats a problem for people. */
export function variableProblemText({ variable, value, valid }: VariableProblem): string {
  // `mustBe` hides a password in an invalid origin.
  return mustBe(variable, valid, value);
}

/**
 * Applies the environment to a configuration. `Left`: a variable cannot be applied.
 *
 * @param hasTimeout Whether a route sets its own timeout, which takes precedence: one variable for
 * all routes must not override a deliberate choice, `0ms` above all.
 */
export function override(
  config: Config,
  overrides: Overrides,
  hasTimeout: HasTimeout = () => false,
): Either<VariableProblem, Config> {
  const { upstreams, admin, workers, logLevel } = overrides;
  const clusters = Object.entries(config.clusters);
  const [only] = clusters;
  if (upstreams !== undefined && (only === undefined || clusters.length > 1)) {
    const valid = `unset, because the file has ${clusters.length} clusters`;
    return left({ variable: "PROXY_UPSTREAM_ADDRS", value: upstreams.join(","), valid });
  }
  return right({
    ...config,
    listeners: config.listeners.map((each, at) =>
      listenerWith(each, at === 0 ? overrides : { ...overrides, listen: undefined }, (route) =>
        hasTimeout(at, route),
      ),
    ),
    clusters:
      upstreams === undefined || only === undefined
        ? config.clusters
        : {
            [only[0]]: {
              ...only[1],
              endpoints: [...upstreams],
              dns: undefined,
              srv: undefined,
              kubernetes: undefined,
              xds: undefined,
              file: undefined,
            },
          },
    ...(admin && { admin: { ...config.admin, address: admin } }),
    ...(workers && { workers }),
    ...(logLevel && { log: { ...config.log, level: logLevel } }),
  });
}

/** By the indexes of a listener and of one of its routes. */
type HasTimeout = (listener: number, route: number) => boolean;

function listenerWith(
  listener: ListenerConfig,
  { listen, maxConnections, requestTimeoutMs: timeout }: Overrides,
  hasTimeout: (route: number) => boolean,
): ListenerConfig {
  return {
    ...listener,
    ...(listen && { address: listen }),
    ...(maxConnections !== undefined && { maxConnections }),
    ...(timeout !== undefined && {
      routes: listener.routes.map((route, at) => (hasTimeout(at) ? route : routeWith(route, timeout))),
    }),
  };
}

function routeWith(route: ListenerConfig["routes"][number], timeout: number): typeof route {
  return { ...route, policies: { ...route.policies, timeout } };
}

/** The defaults without a file: one listener, one route, one cluster. */
export function defaults(upstreams: readonly string[]): object {
  return {
    listeners: [
      {
        name: "main",
        address: variables.PROXY_LISTEN_ADDR.fallback,
        routes: [{ name: "all", cluster: "upstream" }],
      },
    ],
    clusters: { upstream: { endpoints: upstreams } },
  };
}

function wholeNumber(fallback: string, min: number, max: number, about: string): Variable<number> {
  const schema = z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number)
    .refine((value) => value >= min && value <= max);
  return { schema, fallback, valid: `an integer from ${min} to ${max}`, about };
}

function addressOr(text: string, context: z.RefinementCtx): Address {
  return parseAddress(text) ?? invalid(context);
}

function workersOr(text: string, context: z.RefinementCtx): Config["workers"] {
  if (text === "all") return text;
  const workers = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  return workers >= 1 && workers <= 1_024 ? workers : invalid(context);
}

function upstreamsOr(text: string, context: z.RefinementCtx): readonly string[] {
  const origins = text.split(",").map((part) => originOf(part.trim()));
  const valid = origins.filter((origin) => origin !== undefined);
  if (valid.length < origins.length || new Set(valid).size < valid.length) return invalid(context);
  return valid;
}

function invalid(context: z.RefinementCtx): never {
  context.addIssue({ code: "custom", message: "invalid" });
  return z.NEVER;
}
