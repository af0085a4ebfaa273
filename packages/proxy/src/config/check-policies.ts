import type { AnyPolicy, CalledCluster, Checking, PolicyFile } from "../policies/policy.ts";
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
  needsStore: Checking["needsStore"],
): void {
  listeners.forEach((listener, at) => {
    const path: Path = ["listeners", at];
    const needsIdentities = identityCheck(path, listener, report);
    const needsClaims = claimCheck(path, listener.policies, report);
    checkStack(policies.listener, listener.policies, {
      path: [...path, "policies"],
      report,
      needsIdentities,
      needsClaims,
      needsStore,
    });
    listener.routes.forEach(({ name, policies: its }, n) =>
      checkStack(policies.route, its, {
        path: [...path, "routes", n, "policies"],
        report,
        route: name,
        needsIdentities,
        needsClaims: its.jwt === undefined ? needsClaims : () => {},
        needsStore,
      }),
    );
  });
  for (const [name, { policies: its }] of Object.entries(clusters)) {
    const checking = {
      path: ["clusters", name, "policies"],
      report,
      needsIdentities: () => {},
      needsClaims: () => {},
      needsStore,
    };
    checkStack(policies.cluster, its, checking);
    checkStack(policies.endpoint, its, checking);
  }
}

/** The stores that policies name. */
export function storesOf(config: Config, policies: PolicyRegistry): ReadonlySet<string> {
  const names = new Set<string>();
  checkPolicies(
    config,
    policies,
    () => {},
    (_path, name) => void names.add(name),
  );
  return names;
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

/** Requests have claims only inside a policy that verifies tokens. */
function claimCheck(
  path: Path,
  { jwt }: ListenerConfig["policies"],
  report: Report,
): Checking["needsClaims"] {
  if (jwt !== undefined) return () => {};
  return (at) =>
    report(at, "claims require the policy `jwt`, in the same place or on the listener", [
      at,
      [...path, "policies"],
      [...at.slice(0, at.indexOf("policies") + 1), "jwt"],
    ]);
}

/** The file of a policy. */
export interface FileAt {
  /** The path in the configuration. */
  readonly path: Path;
  readonly file: PolicyFile;
}

/** The files that policies name. */
export function policyFiles({ listeners, clusters }: Config, policies: PolicyRegistry): readonly FileAt[] {
  const found: FileAt[] = [];
  function add<S extends Stack>(stack: S, settings: SettingsOf<S>, at: Path): void {
    for (const [policy, its] of configured(stack, settings)) {
      const files = runPolicy(policy, "files", () => policy.files?.(its)) as
        | readonly PolicyFile[]
        | undefined;
      for (const file of files ?? []) found.push({ path: [...at, policy.name, ...file.path], file });
    }
  }
  listeners.forEach((listener, n) => {
    add(policies.listener, listener.policies, ["listeners", n, "policies"]);
    listener.routes.forEach((route, r) =>
      add(policies.route, route.policies, ["listeners", n, "routes", r, "policies"]),
    );
  });
  for (const [name, cluster] of Object.entries(clusters)) {
    add(policies.cluster, cluster.policies, ["clusters", name, "policies"]);
    add(policies.endpoint, cluster.policies, ["clusters", name, "policies"]);
  }
  return found;
}

/** The clusters that policies call, by the path in their settings. */
export function clustersOf<S extends Stack>(stack: S, settings: SettingsOf<S>): readonly CalledCluster[] {
  return configured(stack, settings).flatMap(([policy, its]) =>
    (runPolicy(policy, "clusters", () => policy.clusters?.(its)) ?? []).map(
      ([path, cluster, protocol]: CalledCluster) => [[policy.name, ...path], cluster, protocol] as const,
    ),
  );
}
