import { type Clock, type Either, isLeft, left, right } from "@pagoda/core";
import { isDeepStrictEqual } from "node:util";
import type { Logger } from "pino";
import { Counter, Gauge, type Registry } from "prom-client";
import { pathText } from "../config/document.ts";
import type { Loaded } from "../config/load.ts";
import { missingSecrets } from "../config/secrets.ts";
import type { AdminServer } from "./admin-server.ts";
import { Certificates } from "./certificates.ts";
import { notAppliedText } from "./protocol.ts";
import { ReloadHistory } from "./reload-history.ts";
import type { Completed, ControlledListeners } from "./controlled-listeners.ts";
import type { Secrets } from "./secrets.ts";
import type { Supervisor } from "./supervisor.ts";
import { fileStates, type FileStates, FileWatch } from "./watch.ts";

export interface ReloadsOptions {
  readonly load: () => Promise<Either<readonly string[], Loaded>>;
  readonly supervisor: Supervisor;
  readonly secrets: Secrets;
  readonly listeners: ControlledListeners;
  readonly log: Logger;
  readonly registry: Registry;
  readonly clock: Clock;
}

/**
 * Applies the configuration when a file or a secret changes, on SIGHUP, or at an operator's request.
 * An invalid one changes nothing and is reported.
 */
export class Reloads {
  /** The applied configuration, without what comes from control planes. */
  current: Loaded;
  /** The same with the secrets and listeners that have come. */
  #served: Completed;
  readonly history: ReloadHistory;
  readonly certificates: Certificates;
  readonly #options: ReloadsOptions;
  readonly #watch: FileWatch;
  /** The state of files when they were read: they may change before they are watched. */
  readonly #read = new WeakMap<Loaded, FileStates>();
  readonly #total: Counter<"result">;
  readonly #successful: Gauge;
  readonly #time: Gauge;
  #isClosed = false;
  /** Whether a renewal waits for its turn. */
  #isRenewing = false;
  readonly #begun = Promise.withResolvers<AdminServer>();
  /** Reloads run one at a time, the first after startup. */
  #turn: Promise<unknown> = this.#begun.promise;

  /** @param read The state of the files of `current` when they were read. */
  constructor(current: Loaded, read: FileStates, options: ReloadsOptions) {
    const { registry, clock } = options;
    this.#read.set(current, read);
    const registers = [registry];
    this.current = current;
    this.#served = current;
    this.#options = options;
    this.#watch = new FileWatch(clock, () => void this.reload("file change"));
    this.history = new ReloadHistory(clock);
    this.certificates = new Certificates(options);
    this.#total = new Counter({
      name: "pagoda_reloads_total",
      help: "Configuration reloads by result: success, failure",
      labelNames: ["result"],
      registers,
    });
    for (const result of ["success", "failure"]) this.#total.inc({ result }, 0);
    this.#successful = new Gauge({
      name: "pagoda_config_last_reload_successful",
      help: "Whether the last configuration reload succeeded: 1 or 0",
      registers,
    });
    this.#successful.set(1);
    this.#time = new Gauge({
      name: "pagoda_config_last_reload_success_timestamp_seconds",
      help: "Time when the current configuration was applied",
      registers,
    });
    this.#time.set(clock.wallTime() / 1_000);
  }

  /** What is served: the applied configuration with the listeners of a control plane. */
  get served(): Loaded {
    return this.#served;
  }

  /** Starts watching for changes, once `current` is being served, as completed. */
  async begin(adminServer: AdminServer, served: Completed): Promise<void> {
    this.#served = served;
    await this.#hold();
    this.#begun.resolve(adminServer);
  }

  /** Applies no further configuration. */
  close(): void {
    this.#isClosed = true;
    this.#watch.close();
    this.certificates.close();
  }

  /** @param trigger For the log. `Left`: a line for each problem; nothing has changed. */
  reload(trigger: string): Promise<Either<readonly string[], void>> {
    const next = this.#turn.then(() => this.#reload(trigger, () => this.#load()));
    this.#turn = next;
    return next;
  }

  /**
   * Applies what control planes have sent. The files are not read: what has become of them must not
   * keep a certificate from being renewed, or routes from changing. However much they send, one
   * renewal waits: reloads must not queue behind it.
   */
  renew(trigger: "secret change" | "control plane"): void {
    if (this.#isRenewing) return;
    this.#isRenewing = true;
    this.#turn = this.#turn
      .then(() => {
        this.#isRenewing = false;
        return this.#renew(trigger);
      })
      .catch((err: unknown) =>
        this.#options.log.error({ trigger, err }, "defect while renewing a configuration"),
      );
  }

  async #renew(trigger: string): Promise<void> {
    const { secrets, listeners: controlled } = this.#options;
    await secrets.begin(controlled.complete(this.current, this.#served));
    const { files, config } = this.#complete(this.current);
    const { listeners, clusters } = this.#served.config;
    const isSame =
      isEqual(files, this.#served.files) &&
      isDeepStrictEqual([config.listeners, config.clusters], [listeners, clusters]);
    if (!isSame) await this.#reload(trigger, async () => right(this.current));
    // What waits for secrets is logged, and what nothing waits for any more is given up.
    else if (!this.#isClosed) this.#keep();
  }

  #complete(loaded: Loaded): Completed {
    const { secrets, listeners } = this.#options;
    return secrets.complete(listeners.complete(loaded, this.#served));
  }

  async #reload(trigger: string, load: ReloadsOptions["load"]): Promise<Either<readonly string[], void>> {
    const { log, clock } = this.#options;
    const before = this.#served;
    // Whatever fails, the previous configuration keeps serving.
    const result = await this.#apply(load).catch((err: unknown) => {
      log.error({ trigger, err }, "defect while applying a configuration");
      return left([`cannot be applied: ${err instanceof Error ? err.message : String(err)}`]);
    });
    if (isLeft(result)) {
      if (!this.#isClosed) this.#keep();
      this.#total.inc({ result: "failure" });
      this.#successful.set(0);
      this.history.rejected(trigger, result.left);
      log.error({ trigger, problems: result.left }, "configuration rejected; keeping the previous one");
      return result;
    }
    this.history.applied(trigger, before, this.#served);
    this.#total.inc({ result: "success" });
    this.#successful.set(1);
    this.#time.set(clock.wallTime() / 1_000);
    const { warnings } = this.current;
    if (warnings.length > 0) log.warn({ warnings }, "configuration valid, with warnings");
    log.info({ trigger }, "configuration applied");
    return result;
  }

  /** Reads the configuration, and gets its secrets. One that has never come is like a missing file. */
  async #load(): Promise<Either<readonly string[], Loaded>> {
    const { load, secrets, listeners } = this.#options;
    const before = await fileStates(this.current.watched);
    const loaded = await load();
    if (isLeft(loaded)) return loaded;
    this.#read.set(loaded.right, new Map([...(await fileStates(loaded.right.watched)), ...before]));
    await Promise.all([secrets.begin(loaded.right), listeners.begin(loaded.right)]);
    await secrets.begin(listeners.complete(loaded.right, this.#served));
    const known = new Set(missingSecrets(this.#served).map(({ name }) => name));
    const missing = missingSecrets(secrets.complete(loaded.right)).filter(({ name }) => !known.has(name));
    if (missing.length === 0) return loaded;
    return left(missing.map((secret) => `${pathText(secret.path)}: ${secrets.reason(secret, loaded.right)}`));
  }

  async #apply(load: ReloadsOptions["load"]): Promise<Either<readonly string[], void>> {
    const { supervisor, listeners, log } = this.#options;
    const adminServer = await this.#begun.promise;
    if (this.#isClosed) return left(["the proxy is draining"]);
    const loaded = await load();
    if (isLeft(loaded)) return loaded;
    const move = await adminServer.prepare(loaded.right.config.admin.address);
    if (isLeft(move)) return left([notAppliedText(move.left)]);
    let served = this.#complete(loaded.right);
    let applied = await supervisor.apply(served);
    // A listener of the control plane that cannot be opened must not keep the others from changing.
    while (isLeft(applied) && listeners.refuses(applied.left)) {
      served = this.#complete(loaded.right);
      applied = await supervisor.apply(served);
    }
    if (isLeft(applied)) {
      await move.right.drop();
      return left([notAppliedText(applied.left)]);
    }
    move.right.make();
    const before = this.current.config;
    const { config } = (this.current = loaded.right);
    this.#served = served;
    await this.#hold();
    if (config.log.level !== before.log.level) log.level = config.log.level;
    if (config.workers !== before.workers)
      log.warn("a changed number of workers takes effect at the next start");
    return right(undefined);
  }

  /** Ends what the applied configuration does not use, such as control planes of a rejected one. */
  #keep(): void {
    const { secrets, listeners } = this.#options;
    secrets.keep(listeners.complete(this.current, this.#served));
    listeners.keep(this.current);
  }

  /** Watches the files of the configuration and the expiry of its certificates. */
  async #hold(): Promise<void> {
    if (this.#isClosed) return;
    this.#keep();
    this.certificates.hold(this.#served);
    await this.#watch.watch(this.current.watched, this.#read.get(this.current));
  }
}

function isEqual(some: ReadonlyMap<string, string>, others: ReadonlyMap<string, string>): boolean {
  return some.size === others.size && [...some].every(([name, text]) => others.get(name) === text);
}
