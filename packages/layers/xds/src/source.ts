import { type Clock, EndpointPublisher, type EndpointSource, type Json } from "@pagoda/core";
import type { Answer } from "./answer.ts";
import type { XdsEndpoint } from "./endpoint.ts";
import type { ControlPlaneDisconnected, XdsFault } from "./options.ts";

/** The endpoints of one cluster, as the control plane assigns them. */
export interface XdsSource extends EndpointSource<XdsEndpoint, XdsFault> {
  /** Whether the control plane has answered, if only that there is no such cluster. */
  readonly isAnswered: boolean;
  state(): { readonly xds: { readonly [name: string]: Json } };
}

interface SourceContext {
  readonly clock: Clock;
  /** Why the control plane is away; undefined if it is not. */
  readonly disconnected: () => ControlPlaneDisconnected | undefined;
  readonly onClose: (source: ClusterSource) => void;
}

export class ClusterSource implements XdsSource {
  readonly cluster: string;
  readonly tls: boolean;
  isAnswered = false;
  readonly #context: SourceContext;
  readonly #publisher: EndpointPublisher<XdsEndpoint, XdsFault>;
  #answer: Pick<Answer, "versions" | "ignored"> = { versions: { cds: null, eds: null }, ignored: [] };

  constructor(cluster: string, tls: boolean, context: SourceContext) {
    this.cluster = cluster;
    this.tls = tls;
    this.#context = context;
    this.#publisher = new EndpointPublisher(context.clock, undefined);
  }

  get started() {
    return this.#publisher.started;
  }

  get endpoints(): readonly XdsEndpoint[] {
    return this.#publisher.endpoints;
  }

  /** What is wrong now: the control plane is away, or has sent what cannot be used. */
  get lastError(): string | undefined {
    const own = this.isAnswered ? this.#publisher.fault : undefined;
    const fault = own ?? this.#context.disconnected();
    return fault === undefined ? undefined : faultText(fault);
  }

  subscribe(changed: () => void): () => void {
    return this.#publisher.subscribe(changed);
  }

  state() {
    const { versions, ignored } = this.#answer;
    return {
      xds: {
        cluster: this.cluster,
        versions: { ...versions },
        ...this.#publisher.state(),
        ...(ignored.length > 0 && { ignored: [...ignored] }),
        lastError: this.lastError ?? null,
      },
    };
  }

  close(): void {
    if (this.#publisher.isClosed) return;
    this.#publisher.close();
    this.#context.onClose(this);
  }

  /** @internal The control plane has answered. */
  answered(answer: Answer): void {
    this.#answer = answer;
    this.isAnswered = true;
    const { endpoints = this.endpoints, fault } = answer;
    if (fault === undefined) this.#publisher.succeeded(endpoints);
    else this.#publisher.failed(fault, endpoints);
  }

  /** @internal The control plane is away. */
  disconnected(fault: ControlPlaneDisconnected): void {
    if (!this.isAnswered) this.#publisher.failed(fault);
  }
}

/** A fault in one line. */
export function faultText(fault: XdsFault): string {
  if (fault._tag === "ControlPlaneDisconnected") return `control plane disconnected: ${fault.reason}`;
  if (fault._tag === "ResourceMissing") return `${fault.kind} ${JSON.stringify(fault.name)} does not exist`;
  return `${fault.kind} ${JSON.stringify(fault.name)} rejected: ${fault.problems.join("; ")}`;
}
