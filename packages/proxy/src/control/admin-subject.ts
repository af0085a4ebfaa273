import type { Description } from "@pagoda/core";
import { publicConfig, type Resolved } from "../config/resolved.ts";
import { logLevels } from "../config/schema/config.ts";
import type { ClusterStatus } from "../data-plane/types.ts";
import type { RequestQuery, TapQuery } from "../recorder/call-record.ts";
import type { AdminSubject } from "./admin.ts";
import { AdminGuard, type AdminToken } from "./admin-guard.ts";
import { type AdminParts, notReadyOf } from "./admin-parts.ts";
import { mergeClusters } from "./clusters.ts";
import { EndpointOperations } from "./endpoint-operations.ts";
import { exposition } from "./exposition.ts";
import { figuresOf } from "./figures.ts";
import type { WorkerStacks } from "./worker-queries.ts";

export function adminSubject(parts: AdminParts & Pick<AdminSubject, "live">): AdminSubject {
  const { supervisor, reloads, secrets, listeners, registry, log, clock } = parts;
  const { queries } = supervisor;
  const clusters = async (): Promise<readonly ClusterStatus[]> => mergeClusters(await queries.clusters());
  return {
    unhealthy: () => queries.unhealthy(),
    notReady: () => notReadyOf(parts),
    live: parts.live,
    metrics: async () => exposition(registry, await queries.metrics()),
    describe: async () =>
      wholeStack(await queries.describe(), [
        ...supervisor.stores,
        ...secrets.describe(),
        ...listeners.describe(),
      ]),
    config: () => publicConfig(reloads.served.config, reloads.served.policies),
    clusters,
    requests: {
      get keep() {
        return reloads.current.config.recorder.keep;
      },
      clock,
      find: (query: RequestQuery) => queries.requests(query),
    },
    tapping: {
      clock,
      read: (id: string, query: TapQuery) => queries.tap(id, query),
      close: (id: string) => queries.closeTap(id),
    },
    async figures() {
      const [metrics, all] = await Promise.all([queries.metrics(), clusters()]);
      return figuresOf(
        metrics.map((each) => each.metrics),
        all,
        clock.wallTime(),
      );
    },
    get logLevel() {
      return log.level;
    },
    operations: {
      reload: () => reloads.reload("admin endpoint"),
      drain: parts.drain,
      logLevels,
      async setLogLevel(level: string) {
        log.level = level;
        await queries.setLogLevel(level);
      },
      endpoints: new EndpointOperations({
        ejections: supervisor.ejections,
        clusters,
        reset: (query) => queries.reset(query),
      }),
    },
    guard: new AdminGuard({ clock, log, token: () => adminToken(reloads.served) }),
    acted: ({ status, ...action }) =>
      log.info({ ...action, status }, status < 400 ? "admin action performed" : "admin action failed"),
  };
}

function adminToken({ config, files }: Resolved): AdminToken | undefined {
  const file = config.admin.tokenFile;
  return file === undefined ? undefined : { file, token: (files.get(file) ?? "").trim() };
}

/** All stacks as one tree, with the stores of limits and the secrets. */
function wholeStack(workers: readonly WorkerStacks[], others: readonly Description[]): Description {
  const inner = workers.map(({ worker, pid, listeners }) => ({
    name: "worker",
    options: { worker, pid },
    ...(listeners === undefined && { state: { answers: false } }),
    inner: Object.entries(listeners ?? {}).map(([listener, stack]) => ({
      name: "listener",
      options: { listener },
      inner: [stack],
    })),
  }));
  return { name: "pagoda", inner: [...inner, ...others] };
}
