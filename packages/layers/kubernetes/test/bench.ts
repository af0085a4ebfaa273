import {
  kubernetesEndpoints,
  type KubernetesEndpointsOptions,
  type KubernetesFault,
  type KubernetesSource,
} from "@pagoda/kubernetes";
import { type VirtualClock, virtualClock } from "@pagoda/core/testing";
import { type Events, events } from "./events.ts";
import { type Exchange, fakeApi, type FakeApi } from "./fake-api.ts";

/** The endpoints of `shop` in `default` on port `http`, and all that is observed of them. */
export interface Bench extends AsyncDisposable {
  readonly api: FakeApi;
  readonly clock: VirtualClock;
  readonly source: KubernetesSource;
  /** Addresses after each change. */
  readonly changes: Events<string>;
  readonly faults: Events<KubernetesFault>;
  /** `true` when a watch begins, `false` when it ends. */
  readonly watching: Events<boolean>;
  /** Milliseconds until the next try; null while there is a request. */
  readonly waitMs: number | null;
  /** The next request. */
  next(): Promise<Exchange>;
  /** Lets the time until the next try pass, and returns its request. */
  retried(): Promise<Exchange>;
}

/** Without jitter: a back-off takes its full time, and a watch is as long as it may be. */
export async function bench(options: Partial<KubernetesEndpointsOptions> = {}): Promise<Bench> {
  const api = await fakeApi();
  const clock = virtualClock();
  const [changes, faults, watching] = [events<string>(), events<KubernetesFault>(), events<boolean>()];
  const source = kubernetesEndpoints({
    namespace: "default",
    service: "shop",
    port: "http",
    server: api.reach,
    clock,
    random: () => 1,
    observer: {
      changed: (endpoints) => changes.push(endpoints.map(({ key }) => key.replace("http://", "")).join(" ")),
      failed: faults.push,
      watching: watching.push,
    },
    ...options,
  });
  const waitMs = (): number | null => {
    const { kubernetes } = source.state();
    return (kubernetes as { readonly nextInMs: number | null }).nextInMs;
  };
  return {
    api,
    clock,
    source,
    changes,
    faults,
    watching,
    get waitMs() {
      return waitMs();
    },
    next: () => api.requests.next(),
    async retried() {
      await clock.advance(waitMs() ?? Number.NaN);
      return api.requests.next();
    },
    async [Symbol.asyncDispose]() {
      source.close();
      await api[Symbol.asyncDispose]();
    },
  };
}
