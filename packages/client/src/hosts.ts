import {
  type Clock,
  type Description,
  type Either,
  isLeft,
  left,
  type Service,
  service,
  type Timer,
} from "@pagoda/core";
import type { HttpResponse } from "@pagoda/http";
import { refused } from "./base-url.ts";
import type { CallRequest } from "./call-request.ts";
import { originOf } from "./default-headers.ts";
import type { ClientClosed, TooManyHosts } from "./faults.ts";
import type { HostStack } from "./host-stack.ts";
import type { Connect, Connected, HostLimits } from "./options.ts";

/** Sends each call to the stack of its host. */
export interface Hosts extends Service<CallRequest, HttpResponse, unknown> {
  /** Lets calls in flight finish and frees all hosts. Further calls are refused. */
  close(): Promise<void>;
}

type Result = Either<unknown, HttpResponse>;

const closedFault: ClientClosed = { _tag: "ClientClosed", origin: "local", retryable: false };

/** A host and its calls. */
class Host {
  readonly origin: string;
  readonly stack: Service<CallRequest, HttpResponse, unknown>;
  readonly #connected: Connected;
  inFlight = 0;
  idleSince = 0;

  constructor(origin: string, connect: Connect, stack: HostStack) {
    this.origin = origin;
    this.#connected = connect(origin);
    this.stack = stack(this.#connected);
  }

  async close(): Promise<void> {
    await this.#connected.close?.();
  }

  describe(): Description {
    const { origin, inFlight } = this;
    // The name by which `stackMetrics` labels everything inside.
    return {
      name: "endpoint",
      options: { key: origin },
      state: { pending: inFlight },
      inner: [this.stack.describe()],
    };
  }
}

/** The only host of a client with a base URL. */
export function oneHost(origin: string, connect: Connect, stack: HostStack): Hosts {
  const host = new Host(origin, connect, stack);
  let closing: Promise<void> | undefined;

  function call(request: CallRequest, signal: AbortSignal | undefined): Promise<Result> {
    if (closing !== undefined) return Promise.resolve(left(closedFault));
    const asked = originOf(request);
    if (asked === origin) return host.stack.call(request, signal);
    return Promise.resolve(refused(asked, `must be ${origin}: other hosts are called only with perHost`));
  }

  return {
    ...service("hosts", call),
    ready: () => host.stack.ready(),
    describe: () => ({ name: "hosts", inner: [host.describe()] }),
    close: () => (closing ??= host.close()),
  };
}

/**
 * Any host, each with a stack of its own that is made with its first call. A host that has had no
 * call for `idleMs` is dropped with its connections and the state of its policies. Beyond
 * `maxHosts` the one that has been idle for longest is dropped, and if all are in use the call is
 * refused: so the memory is bounded, wherever the URLs come from.
 */
export function manyHosts(connect: Connect, stack: HostStack, limits: HostLimits, clock: Clock): Hosts {
  const { idleMs, maxHosts } = limits;
  const all = new Map<string, Host>();
  /** Hosts without calls, the one that has been idle for longest first. */
  const idle = new Set<Host>();
  const tooMany: TooManyHosts = { _tag: "TooManyHosts", origin: "local", retryable: true, maxHosts };
  let evicted = 0;
  let timer: Timer | undefined;
  let closing: Promise<void> | undefined;

  /** Returns the host of an origin, with the call counted. */
  function enter(origin: string): Host | undefined {
    let host = all.get(origin);
    if (host === undefined) {
      if (all.size >= maxHosts && !evictLongestIdle()) return undefined;
      host = new Host(origin, connect, stack);
      all.set(origin, host);
    } else if (host.inFlight === 0) idle.delete(host);
    host.inFlight++;
    return host;
  }

  function leave(host: Host): void {
    host.inFlight--;
    if (host.inFlight > 0 || closing !== undefined) return;
    host.idleSince = clock.now();
    idle.add(host);
    timer ??= watch(idleMs);
  }

  function evictLongestIdle(): boolean {
    for (const host of idle) {
      evict(host);
      return true;
    }
    return false;
  }

  function evict(host: Host): void {
    idle.delete(host);
    all.delete(host.origin);
    evicted++;
    void host.close();
  }

  function evictExpired(): void {
    timer = undefined;
    const now = clock.now();
    for (const host of idle) {
      const leftMs = host.idleSince + idleMs - now;
      if (leftMs > 0) {
        timer = watch(leftMs);
        return;
      }
      evict(host);
    }
  }

  function watch(ms: number): Timer {
    const set = clock.setTimer(Math.ceil(ms), evictExpired);
    // Idle hosts must not keep the process running.
    (set as Partial<NodeJS.Timeout>).unref?.();
    return set;
  }

  async function call(request: CallRequest, signal: AbortSignal | undefined): Promise<Result> {
    if (closing !== undefined) return left(closedFault);
    const host = enter(originOf(request));
    if (host === undefined) return left(tooMany);
    let result: Result;
    try {
      result = await host.stack.call(request, signal);
    } catch (defect) {
      leave(host);
      throw defect;
    }
    // A body that streams uses the host's connection until its end.
    if (isLeft(result) || result.right.body.isWhole) leave(host);
    else result.right.body.observe(() => leave(host));
    return result;
  }

  return {
    ...service("hosts", call),
    describe: () => ({
      name: "hosts",
      options: { idleMs, maxHosts },
      state: { hosts: all.size, idle: idle.size, evicted },
      inner: Array.from(all.values(), (host) => host.describe()),
    }),
    close() {
      if (closing !== undefined) return closing;
      if (timer !== undefined) clock.clearTimer(timer);
      const open = [...all.values()];
      idle.clear();
      closing = Promise.all(open.map((host) => host.close())).then(() => all.clear());
      return closing;
    },
  };
}
