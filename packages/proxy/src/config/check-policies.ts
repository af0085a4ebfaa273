import type { AnyPolicy, Checking } from "../policies/policy.ts";
import type { PolicyRegistry } from "../policies/registry.ts";
import { errorText, runPolicy } from "../policies/run-policy.ts";
import { configured, type SettingsOf, type Stack } from "../policies/stack.ts";
import type { Path, Report } from "../schema/report.ts";
import type { Config, ListenerConfig } from "./schema/config.ts";

/** Checks the policies of listeners, routes and clusters beyond their schemas. */
export function checkPolicies(
  { listeners, clusters }: Config,
  policies: PolicyRegistry,
  report: Report,
): void {
  listeners.forEach((listener, at) => {
    const path: Path = ["listeners", at];
    const needsIdentities = identityCheck(path, listener, report);
    checkStack(policies.listener, listener.policies, {
      path: [...path, "policies"],
      report,
      needsIdentities,
    });
    listener.routes.forEach(({ name, policies: its }, n) =>
      checkStack(policies.route, its, {
        path: [...path, "routes", n, "policies"],
        report,
        route: name,
        needsIdentities,
      }),
    );
  });
  for (const [name, { policies: its }] of Object.entries(clusters)) {
    const checking = { path: ["clusters", name, "policies"], report, needsIdentities: () => {} };
    checkStack(policies.cluster, its, checking);
    checkStack(policies.endpoint, its, checking);
  }
}

function checkStack<S extends Stack>(stack: S, settings: SettingsOf<S>, checking: Checking): void {
  for (const [policy, its] of configured(stack, settings))
    checkOne(policy, its, { ...checking, path: [...checking.path, policy.name] });
}

function checkOne(policy: AnyPolicy, settings: unknown, checking: Checking): void {
  try {
    policy.check?.(settings, checking);
  } catch (error) {
    checking.report(checking.path, `policy ${policy.name}: check failed: ${errorText(error)}`);
  }
}

/** Clients have identities only on listeners that request certificates. */
function identityCheck(path: Path, { tls }: ListenerConfig, report: Report): Checking["needsIdentities"] {
  if (tls?.clients !== undefined) return () => {};
  return (at) => report(at, "identities require tls.clients on this listener", [at, [...path, "tls"]]);
}

/** The clusters that a route's policies call, by the path in their settings. */
export function clustersOf(
  settings: SettingsOf<PolicyRegistry["route"]>,
  policies: PolicyRegistry,
): readonly (readonly [path: Path, cluster: string])[] {
  return configured(policies.route, settings).flatMap(([policy, its]) =>
    (runPolicy(policy, "clusters", () => policy.clusters?.(its)) ?? []).map(
      ([path, cluster]: readonly [Path, string]) => [[policy.name, ...path], cluster] as const,
    ),
  );
}
