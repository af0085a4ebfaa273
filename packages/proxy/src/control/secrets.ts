import type { Clock, Description } from "@pagoda/core";
import type { Secret, SecretSource } from "@pagoda/xds";
import type { Logger } from "pino";
import { listenerName } from "../config/names.ts";
import type { Resolved } from "../config/resolved.ts";
import type { Config, ListenerConfig } from "../config/schema/config.ts";
import {
  type Awaiting,
  filesOf,
  missingSecrets,
  secretProblems,
  type WantedSecret,
  wantedSecrets,
  withAwaited,
} from "../config/secrets.ts";
import {
  type ControlPlane,
  type ControlPlanes,
  planeKey,
  type PlaneSettings,
  firstAnswersMs,
} from "./control-planes.ts";
import { within } from "../within.ts";

export interface SecretsOptions {
  readonly log: Logger;
  readonly clock: Clock;
  readonly planes: ControlPlanes;
  /** Called when contents have changed. */
  readonly changed: () => void;
}

/** A secret, as asked for with one connection. */
interface Followed extends Pick<WantedSecret, "name" | "type"> {
  readonly plane: ControlPlane;
  readonly source: SecretSource;
}

/** Something that waits for a secret. */
interface Waiting {
  readonly about: object;
  /** Whether it serves nothing meanwhile. */
  readonly isClosed: boolean;
}

/**
 * Gets secrets from a control plane, for all workers: to them they are files, and a rotation is a
 * file that has changed.
 */
export class Secrets {
  readonly #options: SecretsOptions;
  /** By all that makes another source necessary: see `keyOf`. */
  readonly #followed = new Map<string, Followed>();
  /** The last valid ones by type and name, whichever control plane has sent them. */
  readonly #contents = new Map<string, Secret>();
  /** What cannot be applied for lack of secrets, by the text for it. */
  #waiting = new Map<string, Waiting>();
  #isFlushing = false;

  constructor(options: SecretsOptions) {
    this.#options = options;
  }

  /**
   * Follows the secrets of a configuration. Settles when each that was not followed yet has come or
   * failed once: one that does not come must not delay every change after it.
   */
  async begin(resolved: Awaiting): Promise<void> {
    const wanted = wantedSecrets(withAwaited(resolved).config);
    const known = new Set(this.#followed.values());
    const all = new Set<Followed>();
    for (const secret of wanted) all.add(await this.#follow(secret, resolved));
    const begun = [...all].filter((each) => !known.has(each));
    const started = Promise.all(begun.map(({ source }) => source.started));
    if (begun.length > 0) await within(firstAnswersMs, started, this.#options.clock);
    // A source that others follow, too, may have its secret already.
    for (const one of all) this.#take(one);
  }

  /** Adds the secrets that have come. */
  complete<R extends Resolved>(resolved: R): R {
    const files = new Map(resolved.files);
    for (const { name, type } of wantedSecrets(resolved.config)) {
      const secret = this.#contents.get(contentKey(type, name));
      for (const [file, text] of secret === undefined ? [] : filesOf(name, secret)) files.set(file, text);
    }
    return { ...resolved, files };
  }

  /** Whether a secret of a listener has not come. */
  lacks(listener: ListenerConfig): boolean {
    const wanted = wantedSecrets({ listeners: [listener], clusters: {}, stores: {}, control: {} });
    return wanted.some(({ name, type }) => !this.#contents.has(contentKey(type, name)));
  }

  /** Why a secret has not come. */
  reason(secret: WantedSecret, resolved: Resolved): string {
    const { server } = planeOf(secret.name, resolved.config).config;
    const followed = this.#followed.get(keyOf(secret, resolved));
    return `secret ${JSON.stringify(secret.name)} has not come from ${server}: ${followed?.source.lastError ?? "no answer"}`;
  }

  /** Ends what a configuration does not use, and logs what waits for secrets, once each. */
  keep(resolved: Awaiting): void {
    const whole = withAwaited(resolved);
    const served = resolved.config.listeners.length;
    const wanted = wantedSecrets(whole.config);
    const used = new Set(wanted.map((secret) => keyOf(secret, resolved)));
    for (const [key, followed] of this.#followed) {
      if (used.has(key)) continue;
      this.#followed.delete(key);
      end(followed);
    }
    const named = new Set(wanted.map(({ name, type }) => contentKey(type, name)));
    for (const key of this.#contents.keys()) if (!named.has(key)) this.#contents.delete(key);
    const before = this.#waiting;
    this.#waiting = new Map(
      missingSecrets(this.complete(whole)).map((secret) => {
        const reason = this.reason(secret, resolved);
        const [text, { about, isClosed }] = userOf(secret, whole.config, served);
        return [
          `${text} waits for secret ${JSON.stringify(secret.name)}`,
          { about: { ...about, reason }, isClosed },
        ];
      }),
    );
    for (const [text, { about }] of this.#waiting)
      if (!before.has(text)) this.#options.log.error(about, text);
  }

  /** Why the process is not ready; undefined if everything is served, if only as it was before. */
  get notReady(): string | undefined {
    for (const [text, { isClosed }] of this.#waiting) if (isClosed) return text;
    return undefined;
  }

  /** For `/stack`. */
  describe(): readonly Description[] {
    return Array.from(this.#followed.values(), ({ name, type, source }) => ({
      name: "secret",
      options: { secret: name, type },
      state: { version: source.version ?? null, lastError: source.lastError ?? null },
    }));
  }

  close(): void {
    for (const followed of this.#followed.values()) end(followed);
    this.#followed.clear();
  }

  async #follow(secret: WantedSecret, resolved: Resolved): Promise<Followed> {
    const key = keyOf(secret, resolved);
    const known = this.#followed.get(key);
    if (known !== undefined) return known;
    const { name, type } = secret;
    const plane = await this.#options.planes.take(planeOf(name, resolved.config), resolved.files, () => {});
    const source = plane.client.secret(name, (received) => secretProblems(received, type));
    const followed: Followed = { name, type, plane, source };
    this.#followed.set(key, followed);
    source.subscribe(() => this.#take(followed));
    return followed;
  }

  #take({ name, type, source: { secret } }: Followed): void {
    const key = contentKey(type, name);
    if (secret === undefined || this.#contents.get(key) === secret) return;
    this.#contents.set(key, secret);
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    queueMicrotask(() => {
      this.#isFlushing = false;
      this.#options.changed();
    });
  }
}

function end({ plane, source }: Followed): void {
  source.close();
  plane.release();
}

function contentKey(type: Secret["type"], name: string): string {
  return `${type} ${name}`;
}

function keyOf({ name, type }: WantedSecret, { config, files }: Resolved): string {
  return `${planeKey(planeOf(name, config), files)} ${contentKey(type, name)}`;
}

/** Where a secret comes from: see `control.sds`. The check of a configuration requires one of them. */
function planeOf(secret: string, { control: { sds, xds } }: Config): PlaneSettings {
  if (sds !== undefined) return { config: sds, service: "sds", secret };
  return { config: xds as NonNullable<typeof xds>, service: "ads" };
}

/** What a secret is for, for operators, and what that does without it. */
function userOf({ path }: WantedSecret, { listeners }: Config, served: number): readonly [string, Waiting] {
  const [place, key] = path;
  if (place === "clusters")
    return [`cluster ${key}`, { about: { cluster: key, meanwhile: "answers 503" }, isClosed: true }];
  const listener = listenerName(listeners[key as number] as ListenerConfig);
  const isClosed = (key as number) < served;
  const meanwhile = isClosed ? "refuses connections" : "serves its previous version";
  return [`listener ${listener}`, { about: { listener, meanwhile }, isClosed }];
}
