import { type Either, left, right, type SourceClosed } from "@pagoda/core";
import { missing, rejected } from "./answer.ts";
import type { ControlPlaneDisconnected, XdsFault } from "./options.ts";
import { secrets } from "./resources.ts";
import type { Secret } from "./secret.ts";
import { faultText } from "./source.ts";
import { Subscription } from "./subscription.ts";

/** A secret of the control plane, by its name. */
export interface SecretSource {
  readonly name: string;
  /** The last valid one; undefined before the first. It contains a private key: do not log it. */
  readonly secret: Secret | undefined;
  /** Its version. */
  readonly version: string | undefined;
  /** Whether the control plane has answered, if only that there is no such secret. */
  readonly isAnswered: boolean;
  /** What is wrong now; undefined if nothing is. */
  readonly lastError: string | undefined;
  /** Settles with the first answer or failure. */
  readonly started: Promise<Either<XdsFault | SourceClosed, void>>;
  /** Calls `changed` after each change, until the returned function is called. */
  subscribe(changed: () => void): () => void;
  close(): void;
}

/** Problems of a secret for those who use it: one line each, without what the secret contains. */
export type SecretCheck = (secret: Secret) => readonly string[];

/** Says why the control plane is away; undefined if it is not. */
type Disconnected = () => ControlPlaneDisconnected | undefined;

class NamedSecret implements SecretSource {
  readonly name: string;
  readonly check: SecretCheck;
  readonly started: Promise<Either<XdsFault | SourceClosed, void>>;
  secret: Secret | undefined;
  version: string | undefined;
  isAnswered = false;
  #isClosed = false;
  #fault: XdsFault | undefined;
  readonly #disconnected: Disconnected;
  readonly #leave: (source: NamedSecret) => void;
  readonly #subscribers = new Set<{ readonly changed: () => void }>();
  readonly #start: (result: Either<XdsFault | SourceClosed, void>) => void;

  constructor(
    name: string,
    check: SecretCheck,
    disconnected: Disconnected,
    leave: (source: NamedSecret) => void,
  ) {
    this.name = name;
    this.check = check;
    this.#disconnected = disconnected;
    this.#leave = leave;
    ({ promise: this.started, resolve: this.#start } = Promise.withResolvers());
  }

  get lastError(): string | undefined {
    const fault = this.#fault ?? this.#disconnected();
    return fault === undefined ? undefined : faultText(fault);
  }

  subscribe(changed: () => void): () => void {
    const subscriber = { changed };
    this.#subscribers.add(subscriber);
    return () => this.#subscribers.delete(subscriber);
  }

  answered(subscription: Subscription<Secret>): void {
    const { name } = this;
    const known = subscription.known.get(name);
    // A secret that was valid for others may not be what is needed here.
    const own = known === undefined ? [] : this.check(known.value);
    if (known !== undefined && own.length === 0) {
      this.secret = known.value;
      this.version = known.version;
    }
    const problems = subscription.rejected.get(name) ?? own;
    if (problems.length > 0) this.#settle(rejected("sds", name, problems));
    else if (subscription.absent.has(name)) this.#settle(missing("sds", name));
    else this.#settle(undefined);
  }

  disconnected(fault: ControlPlaneDisconnected): void {
    if (!this.isAnswered) this.#start(left(fault));
    this.#changed();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#subscribers.clear();
    this.#start(left({ _tag: "SourceClosed", origin: "local", retryable: false }));
    this.#leave(this);
  }

  #settle(fault: XdsFault | undefined): void {
    this.#fault = fault;
    this.isAnswered = true;
    this.#start(fault === undefined ? right(undefined) : left(fault));
    this.#changed();
  }

  #changed(): void {
    for (const { changed } of this.#subscribers) changed();
  }
}

/** The secrets that a client is asked for. */
export class SecretSources {
  readonly subscription: Subscription<Secret>;
  readonly #sources = new Map<string, Set<NamedSecret>>();

  constructor() {
    this.subscription = new Subscription(
      secrets((name, secret) => [...this.#of(name)].flatMap((source) => source.check(secret))),
    );
  }

  get names(): ReadonlySet<string> {
    return new Set(this.#sources.keys());
  }

  /** @param left Called when it is not needed any more. */
  add(name: string, check: SecretCheck, disconnected: Disconnected, left: () => void): SecretSource {
    const source = new NamedSecret(name, check, disconnected, (one) => {
      const same = this.#sources.get(name);
      same?.delete(one);
      if (same?.size === 0) this.#sources.delete(name);
      left();
    });
    this.#sources.set(name, this.#of(name).add(source));
    if (this.subscription.isAnswered(name)) source.answered(this.subscription);
    return source;
  }

  answered(names: ReadonlySet<string>): void {
    for (const name of names) for (const source of this.#of(name)) source.answered(this.subscription);
  }

  disconnected(fault: ControlPlaneDisconnected): void {
    for (const sources of this.#sources.values()) for (const source of sources) source.disconnected(fault);
  }

  close(): void {
    for (const sources of Array.from(this.#sources.values()))
      for (const source of Array.from(sources)) source.close();
  }

  #of(name: string): Set<NamedSecret> {
    return this.#sources.get(name) ?? new Set();
  }
}
