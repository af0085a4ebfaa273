import { connect } from "node:net";
import { type Clock, systemClock, type Timer } from "@pagoda/core";

/** Told when an upstream becomes reachable, or is so no more. */
export type ReachabilityObserver = (upstream: string, reachable: boolean, reason: string | undefined) => void;

const everyMs = 2_000;
const timeoutMs = 1_000;

/**
 * Watches whether upstreams accept connections, for the proxy's own readiness. It does not steer calls: a call to an
 * upstream that refuses says so itself.
 */
export class Reachability {
  readonly #state = new Map<string, boolean | undefined>();
  readonly #observer: ReachabilityObserver;
  readonly #clock: Clock;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(upstreams: readonly string[], observer: ReachabilityObserver, clock: Clock = systemClock) {
    for (const upstream of upstreams) this.#state.set(upstream, undefined);
    this.#observer = observer;
    this.#clock = clock;
  }

  /** Whether any upstream can be reached; false until the first has been. */
  get any(): boolean {
    return [...this.#state.values()].includes(true);
  }

  /** Looks once, and from then on every two seconds. */
  async start(): Promise<void> {
    await Promise.all([...this.#state.keys()].map((upstream) => this.#look(upstream)));
    if (!this.#stopped) this.#timer = this.#clock.setTimer(everyMs, () => void this.start());
  }

  stop(): void {
    this.#stopped = true;
    if (this.#timer !== undefined) this.#clock.clearTimer(this.#timer);
  }

  async #look(upstream: string): Promise<void> {
    const problem = await connectOnce(new URL(upstream), this.#clock);
    const reachable = problem === undefined;
    if (this.#state.get(upstream) === reachable || this.#stopped) return;
    this.#state.set(upstream, reachable);
    this.#observer(upstream, reachable, problem);
  }
}

/** Why no connection came about; `undefined` when one did. */
function connectOnce({ hostname, port, protocol }: URL, clock: Clock): Promise<string | undefined> {
  return new Promise((resolve) => {
    const host = hostname.replace(/^\[|\]$/g, "");
    const socket = connect({ host, port: Number(port) || (protocol === "https:" ? 443 : 80) });
    const end = (problem: string | undefined): void => {
      clock.clearTimer(timer);
      socket.destroy();
      resolve(problem);
    };
    const timer = clock.setTimer(timeoutMs, () => end(`no connection within ${timeoutMs} ms`));
    socket.once("connect", () => end(undefined));
    socket.once("error", (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
  });
}
