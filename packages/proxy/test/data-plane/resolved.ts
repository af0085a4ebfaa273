import { systemClock } from "@pagoda/core";
import { Registry } from "prom-client";
import { pino } from "pino";
import type { Resolved } from "../../src/config/resolved.ts";
import { configSchema } from "../../src/config/schema/config.ts";
import { builtInPolicies, type PolicyRegistry } from "../../src/policies/registry.ts";
import { type Telemetry, telemetryOf } from "../../src/data-plane/telemetry.ts";

/** A configuration in file format. */
export interface RawConfig {
  readonly listeners?: readonly unknown[];
  readonly clusters?: Readonly<Record<string, unknown>>;
  readonly [name: string]: unknown;
}

/** A resolved configuration, with a listener and clusters by default. */
export function resolved(
  raw: RawConfig,
  files: ReadonlyMap<string, string> = new Map(),
  policies: PolicyRegistry = builtInPolicies,
): Resolved {
  const { clusters = {} } = raw;
  const [first] = Object.keys(clusters);
  const routes = [
    { name: "all", ...(first === undefined ? { respond: { status: 204 } } : { cluster: first }) },
  ];
  return {
    config: configSchema(policies).parse({
      listeners: [{ name: "main", address: "127.0.0.1:0", routes }],
      clusters,
      ...raw,
    }),
    files,
  };
}

/** Observers whose log lines the test reads. */
export function told(): {
  readonly telemetry: Telemetry;
  readonly lines: readonly Record<string, unknown>[];
} {
  const lines: Record<string, unknown>[] = [];
  const log = pino({ level: "trace" }, { write: (line: string) => lines.push(JSON.parse(line)) });
  return { telemetry: telemetryOf(new Registry(), log, systemClock), lines };
}
