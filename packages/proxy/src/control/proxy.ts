import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { type Clock, type Either, isLeft, left, right, systemClock } from "@pagoda/core";
import type { Logger } from "pino";
import { Registry } from "prom-client";
import { type Environment } from "../config/environment.ts";
import { type Loaded, loadConfig, pluginLoader } from "../config/load.ts";
import { ownPolicies } from "../config/own-policies.ts";
import { missingSecrets } from "../config/secrets.ts";
import type { AnyPolicy } from "../policies/policy.ts";
import { builtInPolicies } from "../policies/registry.ts";
import { type Completed, ControlledListeners } from "./controlled-listeners.ts";
import { countDropped, type LogOutput } from "../log-output.ts";
import type { Listening } from "../data-plane/listening.ts";
import { admin } from "./admin.ts";
import { AdminServer } from "./admin-server.ts";
import type { AdminParts, Phase } from "./admin-parts.ts";
import { adminSubject } from "./admin-subject.ts";
import { usableCpus } from "./cpus.ts";
import { ControlPlanes } from "./control-planes.ts";
import { Demo } from "./demo.ts";
import { Live } from "./live.ts";
import { type NotApplied, notAppliedText, type WorkerDied } from "./protocol.ts";
import { processMetrics } from "./process-metrics.ts";
import { Reloads } from "./reloads.ts";
import { type Predecessor, startSuccessor } from "./replacement.ts";
import { adminSocketName, socketName, type SocketsByName } from "./sockets.ts";
import { Secrets } from "./secrets.ts";
import { Supervisor } from "./supervisor.ts";
import { fileStates } from "./watch.ts";
import type { WorkerCode } from "./worker-process.ts";

export interface ProxyOptions {
  /** The configuration file. Default: the one in `PROXY_CONFIG`, else the variables alone. */
  readonly file?: string | undefined;
  /**
   * A configuration in file format, instead of a file. Paths in it are relative to the working
   * directory.
   */
  readonly config?: object | undefined;
  /**
   * Policies besides the built-in ones. They need `code`, which starts workers with the same ones:
   * see `runWorker` of `@pagoda/proxy/worker`.
   */
  readonly policies?: readonly AnyPolicy[];
  /** Environment variables. Default: none. */
  readonly env?: Environment;
  /** Creates the log, once its level is known. */
  readonly log: (level: string) => Logger;
  /** Where that log goes, if it counts dropped lines. */
  readonly output?: LogOutput;
  /** How to start a worker process. Default: from the module next to this one. */
  readonly code?: WorkerCode;
  /** Called when an operator has requested a drain. */
  readonly onDrain?: () => void;
  readonly clock?: Clock;
  /** The process that this one replaces: its sockets are used where they match. */
  readonly predecessor?: Predecessor | undefined;
  /** Sockets of a service manager, used where they match. */
  readonly activated?: SocketsByName | undefined;
  /** The version of the program, for the live page. */
  readonly version?: string | undefined;
}

/** The configuration is invalid: a line for each problem. */
export interface ConfigInvalid {
  readonly _tag: "ConfigInvalid";
  readonly problems: readonly string[];
}

/**
 * The configuration is valid but could not be served, for instance because an address is in use.
 */
export interface CannotServe {
  readonly _tag: "CannotServe";
  readonly reason: string;
  /** What a worker died of. */
  readonly cause?: Error;
  readonly log: Logger;
}

/** A running proxy. */
export interface Proxy {
  readonly listening: readonly Listening[];
  readonly adminUrl: string;
  /** Whether its built-in demo origins answer. */
  readonly demo: boolean;
  readonly config: Loaded["config"];
  readonly log: Logger;
  /**
   * Applies the current file and environment. `Left`: a line for each problem; nothing has changed.
   */
  reload(trigger: string): Promise<Either<readonly string[], void>>;
  /**
   * Starts a replacement process on the same sockets, after which this one should drain. `Left`:
   * why the replacement does not serve; nothing has changed. `Right`: its process id.
   *
   * @param args The command line of that process, without the executable.
   */
  replace(args: readonly string[]): Promise<Either<string, number>>;
  /**
   * Becomes unready, accepts nothing more, lets the requests in flight finish, up to
   * `drain.timeout`, and closes everything.
   *
   * @returns How many requests were cut off.
   */
  drain(): Promise<number>;
}

/**
 * Starts the proxy: its workers, its admin endpoint, and demo origins if none are configured.
 *
 * @throws RangeError if one of `policies` cannot be used, or there is no `code` for them.
 */
export async function startProxy(options: ProxyOptions): Promise<Either<ConfigInvalid | CannotServe, Proxy>> {
  const {
    file,
    config: given,
    policies: own = [],
    env = {},
    clock = systemClock,
    onDrain = () => {},
  } = options;
  if (own.length > 0 && options.code === undefined)
    throw new RangeError("code must start workers with the same policies (got none): see runWorker");
  const policies = own.length === 0 ? builtInPolicies : ownPolicies(own);
  const demo = new Demo();
  const loader = pluginLoader(clock);
  const load = (): ReturnType<typeof loadConfig> =>
    loadConfig({ file, config: given, policies, env, loader, demo: demo.origins, serves: true });
  const loaded = await load();
  if (isLeft(loaded)) return left({ _tag: "ConfigInvalid", problems: loaded.left });
  const read = await fileStates(loaded.right.watched);
  const { config } = loaded.right;
  const log = options.log(config.log.level);
  const registry = new Registry();
  processMetrics(registry);
  if (options.output !== undefined) countDropped(options.output, registry);
  const workers = config.workers === "all" ? usableCpus() : config.workers;
  log.info({ workers }, "starting");
  warn(log, loaded.right);
  const inherited = new Map(options.predecessor?.sockets ?? options.activated);
  const adminName = adminSocketName(config.admin.address);
  const [adminSocket] = inherited.get(adminName) ?? [];
  inherited.delete(adminName);
  const planes = new ControlPlanes({ log, registry, clock });
  const secrets = new Secrets({ log, clock, planes, changed: () => reloads.renew("secret change") });
  const listeners = new ControlledListeners({
    log,
    clock,
    planes,
    lacksSecrets: (listener) => secrets.lacks(listener),
    changed: () => reloads.renew("control plane"),
  });
  const supervisor = new Supervisor({
    workers,
    code: options.code ?? ownCode(),
    log,
    registry,
    clock,
    env,
    planes,
    inherited,
    inheritance: options.predecessor?.inheritance,
  });
  const reloads = new Reloads(loaded.right, read, {
    load,
    supervisor,
    secrets,
    listeners,
    log,
    registry,
    clock,
  });

  let phase: Phase = "starting";
  const parts: AdminParts = {
    phase: () => phase,
    supervisor,
    reloads,
    secrets,
    listeners,
    registry,
    log,
    clock,
    version: options.version,
    drain: onDrain,
  };
  const live = new Live(parts);
  const subject = adminSubject({ ...parts, live: live.feed });
  const failed = async (fault: NotApplied | WorkerDied): Promise<Either<CannotServe, never>> => {
    secrets.close();
    listeners.close();
    await Promise.all([supervisor.end(), demo.close()]);
    const cause = fault._tag === "WorkerDied" ? fault.cause : undefined;
    return left({ _tag: "CannotServe", reason: notAppliedText(fault), ...(cause && { cause }), log });
  };
  const adminServer = await AdminServer.open(
    config.admin.address,
    { pages: (host) => admin(subject, host), log },
    adminSocket,
  );
  if (isLeft(adminServer)) return failed(adminServer.left);
  await Promise.all([secrets.begin(loaded.right), listeners.begin(loaded.right)]);
  await secrets.begin(listeners.complete(loaded.right));
  const complete = (): Completed => secrets.complete(listeners.complete(loaded.right));
  let served = complete();
  const names = new Set(served.config.listeners.map(socketName));
  for (const socket of inherited.keys())
    if (!names.has(socket)) log.warn({ socket }, "closed an inherited socket that matches no listener");
  const [missing] = missingSecrets(served);
  // The process that this one would replace has its secrets, and serves.
  let started: Awaited<ReturnType<Supervisor["start"]>> =
    missing !== undefined && options.predecessor !== undefined
      ? left({ _tag: "ConfigRefused", reason: secrets.reason(missing, loaded.right) })
      : await supervisor.start(served);
  // A listener of the control plane that cannot be opened must not keep the others from serving.
  while (isLeft(started) && !supervisor.hasEnded && listeners.refuses(started.left)) {
    served = complete();
    started = await supervisor.start(served);
  }
  if (isLeft(started)) {
    await adminServer.right.close();
    return failed(started.left);
  }
  await reloads.begin(adminServer.right, served);
  phase = "serving";
  live.begin();
  options.predecessor?.serves();
  return right({
    get listening() {
      return supervisor.listening;
    },
    get adminUrl() {
      return adminServer.right.url;
    },
    demo: loaded.right.demo,
    get config() {
      return reloads.current.config;
    },
    log,
    reload: (trigger) => reloads.reload(trigger),
    async replace(args) {
      const sockets = new Map([...supervisor.sockets, ...adminServer.right.sockets]);
      const started = await startSuccessor(args, sockets, supervisor.inheritance, clock);
      // From now on the replacement serves the admin endpoint.
      if (!isLeft(started)) await adminServer.right.close();
      return started;
    },
    async drain() {
      phase = "draining";
      live.close();
      reloads.close();
      secrets.close();
      listeners.close();
      const cutOff = await supervisor.drain(reloads.current.config.drain.timeout);
      await Promise.all([adminServer.right.close(), demo.close()]);
      return cutOff;
    },
  });
}

/** Logs the warnings of a configuration. */
function warn(log: Logger, { warnings }: Loaded): void {
  if (warnings.length > 0) log.warn({ warnings }, "configuration valid, with warnings");
}

/** The module next to this one, as source or built. */
function ownCode(): WorkerCode {
  return { args: [fileURLToPath(new URL(`./entry${extname(import.meta.url)}`, import.meta.url))] };
}
