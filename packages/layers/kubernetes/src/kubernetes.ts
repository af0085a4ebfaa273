import type { EndpointSource } from "@pagoda/core";
import { faultText, type KubernetesFault } from "./faults.ts";
import { checked, type KubernetesEndpointsOptions } from "./options.ts";
import type { KubernetesEndpoint } from "./slices.ts";
import { Watcher, type WatchStatus } from "./watcher.ts";

/** The endpoints of a Kubernetes service. */
export interface KubernetesSource extends EndpointSource<KubernetesEndpoint, KubernetesFault> {
  /** The current state of the watch. */
  readonly watch: WatchStatus;
}

/**
 * Discovers the endpoints of a Kubernetes service: lists its EndpointSlices and watches their
 * changes, which arrive within milliseconds. Use it instead of DNS where pods come and go, and to
 * balance calls over the pods of a service that has an address of its own.
 *
 * Ready endpoints are used, and if there are none, those that are terminating but still serve, as
 * in kube-proxy.
 *
 * While the API server does not answer, refuses (as it does for some seconds after it has started)
 * or answers nonsense, the last list is kept. A watch continues where the previous one ended; if
 * the API server no longer knows that place, the list is read again.
 *
 * It needs a role that may `list` and `watch` `endpointslices` in the namespace.
 *
 * Errors: {@link KubernetesFault}, to the observer and in `started`.
 *
 * Cost: one connection with one watch; none per call.
 *
 * Source: the Kubernetes API's "efficient detection of changes".
 *
 * @throws RangeError when an option is out of range, or `server` is missing outside a cluster.
 */
export function kubernetesEndpoints(options: KubernetesEndpointsOptions): KubernetesSource {
  const settings = checked(options);
  const watcher = new Watcher(settings);
  const { publisher } = watcher;
  const lastError = (): string | undefined =>
    publisher.fault === undefined ? undefined : faultText(publisher.fault);
  return {
    started: publisher.started,
    get endpoints() {
      return publisher.endpoints;
    },
    get lastError() {
      return lastError();
    },
    get watch() {
      return watcher.status;
    },
    subscribe: (changed) => publisher.subscribe(changed),
    state: () => ({
      kubernetes: {
        namespace: settings.namespace,
        service: settings.service,
        port: settings.port,
        ...publisher.state(),
        ...watcher.state(),
        lastError: lastError() ?? null,
      },
    }),
    close: () => watcher.close(),
  };
}
