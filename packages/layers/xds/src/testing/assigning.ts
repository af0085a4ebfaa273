import type { DeltaDiscoveryRequest } from "../generated/discovery_pb.ts";
import type { Cluster } from "../generated/cluster_pb.ts";
import type { ClusterLoadAssignment } from "../generated/endpoint_pb.ts";
import { AnsweringControlPlane, type Client } from "./answering.ts";
import {
  type Arrivals,
  assignment,
  cds,
  changes,
  cluster,
  eds,
  type ScriptedControlPlane,
  type ServerStream,
} from "./scripted.ts";

interface Assigned {
  readonly message: ClusterLoadAssignment;
  /** When it was assigned last, and first. */
  readonly version: number;
  readonly since: number;
}

/** The names of resources, by their type. */
type Names = Readonly<Record<string, Set<string>>>;

/** A control plane on loopback that assigns endpoints to clusters, with the incremental protocol. */
export class AssigningControlPlane extends AnsweringControlPlane<DeltaDiscoveryRequest, Names> {
  readonly #assigned = new Map<string, Assigned>();
  #version = 0;

  /** Assigns these endpoints to a cluster, `10.0.0.7:8080` or whole assignments, and tells all clients. */
  assign(clusters: Readonly<Record<string, readonly string[] | ClusterLoadAssignment>>): void {
    this.#version++;
    for (const [name, given] of Object.entries(clusters)) {
      const message = "clusterName" in given ? given : assignment(name, ...given);
      const since = this.#assigned.get(name)?.since ?? this.#version;
      this.#assigned.set(name, { message, version: this.#version, since });
    }
    for (const client of this.clients)
      for (const type of [cds, eds]) this.#send(client, type, Object.keys(clusters), () => this.#version - 1);
  }

  protected streams({ delta }: ScriptedControlPlane): Arrivals<ServerStream<DeltaDiscoveryRequest>> {
    return delta;
  }

  protected nothing(): Names {
    return { [cds]: new Set(), [eds]: new Set() };
  }

  protected answer(client: Client<DeltaDiscoveryRequest, Names>, request: DeltaDiscoveryRequest): void {
    const names = client.asked[request.typeUrl];
    for (const name of request.resourceNamesUnsubscribe) names?.delete(name);
    for (const name of request.resourceNamesSubscribe) names?.add(name);
    const { resourceNamesSubscribe: asked, initialResourceVersions: has } = request;
    this.#send(client, request.typeUrl, asked, (name) => Number(has[name] ?? 0));
  }

  /** Sends those of these resources that are newer than a version. */
  #send(
    { stream, asked }: Client<DeltaDiscoveryRequest, Names>,
    type: string,
    changed: readonly string[],
    than: (name: string) => number,
  ): void {
    const messages = changed.flatMap((name): (Cluster | ClusterLoadAssignment)[] => {
      const assigned = asked[type]?.has(name) === true ? this.#assigned.get(name) : undefined;
      if (assigned === undefined) return [];
      if (type === cds) return assigned.since > than(name) ? [cluster(name)] : [];
      return assigned.version > than(name) ? [assigned.message] : [];
    });
    if (messages.length > 0) stream.send(changes(String(this.#version), messages));
  }
}
