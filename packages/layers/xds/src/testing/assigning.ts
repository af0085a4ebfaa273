import type { DeltaDiscoveryRequest } from "../generated/discovery_pb.ts";
import type { Cluster } from "../generated/cluster_pb.ts";
import type { ClusterLoadAssignment } from "../generated/endpoint_pb.ts";
import {
  Arrivals,
  assignment,
  cds,
  changes,
  cluster,
  eds,
  ScriptedControlPlane,
  type ServerStream,
} from "./scripted.ts";

interface Assigned {
  readonly message: ClusterLoadAssignment;
  /** When it was assigned last, and first. */
  readonly version: number;
  readonly since: number;
}

interface Client {
  readonly stream: ServerStream<DeltaDiscoveryRequest>;
  readonly names: Readonly<Record<string, Set<string>>>;
}

/** A control plane on loopback that assigns endpoints to clusters, with the incremental protocol. */
export class AssigningControlPlane {
  /** Reasons with which clients have rejected responses. */
  readonly rejections = new Arrivals<string>();
  readonly #plane: ScriptedControlPlane;
  readonly #clients = new Set<Client>();
  readonly #assigned = new Map<string, Assigned>();
  #version = 0;
  #isAccepting = false;

  /** @param address As of a `ScriptedControlPlane`. */
  constructor(address?: string | number) {
    this.#plane = new ScriptedControlPlane(address);
  }

  get url(): string {
    return this.#plane.url;
  }

  async listen(): Promise<this> {
    await this.#plane.listen();
    if (!this.#isAccepting) void this.#accept();
    this.#isAccepting = true;
    return this;
  }

  /** How many clients are connected. */
  get connections(): number {
    return this.#clients.size;
  }

  /** Assigns these endpoints to a cluster, `10.0.0.7:8080` or whole assignments, and tells all clients. */
  assign(clusters: Readonly<Record<string, readonly string[] | ClusterLoadAssignment>>): void {
    this.#version++;
    for (const [name, given] of Object.entries(clusters)) {
      const message = "clusterName" in given ? given : assignment(name, ...given);
      const since = this.#assigned.get(name)?.since ?? this.#version;
      this.#assigned.set(name, { message, version: this.#version, since });
    }
    for (const client of this.#clients)
      for (const type of [cds, eds]) this.#send(client, type, Object.keys(clusters), () => this.#version - 1);
  }

  /** Ends as a killed process does. It may listen again. */
  async kill(): Promise<void> {
    this.#clients.clear();
    await this.#plane.kill();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }

  async #accept(): Promise<void> {
    for (;;) {
      const stream = await this.#plane.delta.next();
      const client: Client = { stream, names: { [cds]: new Set(), [eds]: new Set() } };
      this.#clients.add(client);
      void stream.ended.then(() => this.#clients.delete(client));
      void this.#serve(client);
    }
  }

  async #serve(client: Client): Promise<void> {
    for (;;) {
      const request = await client.stream.next();
      if (request.errorDetail !== undefined) this.rejections.push(request.errorDetail.message);
      const names = client.names[request.typeUrl];
      for (const name of request.resourceNamesUnsubscribe) names?.delete(name);
      for (const name of request.resourceNamesSubscribe) names?.add(name);
      const { resourceNamesSubscribe: asked, initialResourceVersions: has } = request;
      this.#send(client, request.typeUrl, asked, (name) => Number(has[name] ?? 0));
    }
  }

  /** Sends those of these resources that are newer than a version. */
  #send(
    { stream, names }: Client,
    type: string,
    changed: readonly string[],
    than: (name: string) => number,
  ): void {
    const messages = changed.flatMap((name): (Cluster | ClusterLoadAssignment)[] => {
      const assigned = names[type]?.has(name) === true ? this.#assigned.get(name) : undefined;
      if (assigned === undefined) return [];
      if (type === cds) return assigned.since > than(name) ? [cluster(name)] : [];
      return assigned.version > than(name) ? [assigned.message] : [];
    });
    if (messages.length > 0) stream.send(changes(String(this.#version), messages));
  }
}
