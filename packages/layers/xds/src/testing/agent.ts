import type { DiscoveryRequest } from "../generated/discovery_pb.ts";
import type { Secret } from "../generated/secret_pb.ts";
import { AnsweringControlPlane, type Client } from "./answering.ts";
import { type Arrivals, type ScriptedControlPlane, sds, type ServerStream, world } from "./scripted.ts";

type Names = readonly string[];

/**
 * An agent that serves secrets alone, as SPIRE's does: on a unix socket, in the state-of-the-world
 * protocol, each secret with a stream of its own or several on one.
 */
export class SecretAgent extends AnsweringControlPlane<DiscoveryRequest, Names> {
  readonly #secrets = new Map<string, Secret>();
  #version = 0;

  /** Serves these secrets instead of those of the same names, and tells all clients. */
  serve(...secrets: readonly Secret[]): void {
    this.#version++;
    for (const secret of secrets) this.#secrets.set(secret.name, secret);
    for (const client of this.clients)
      if (secrets.some(({ name }) => client.asked.includes(name))) this.#send(client);
  }

  protected streams({ sotw }: ScriptedControlPlane): Arrivals<ServerStream<DiscoveryRequest>> {
    return sotw;
  }

  protected nothing(): Names {
    return [];
  }

  protected answer(
    client: Client<DiscoveryRequest, Names>,
    { resourceNames: names }: DiscoveryRequest,
  ): void {
    const isNew = names.some((name) => !client.asked.includes(name));
    client.asked = names;
    if (isNew) this.#send(client);
  }

  #send({ stream, asked }: Client<DiscoveryRequest, Names>): void {
    const secrets = asked.flatMap((name) => this.#secrets.get(name) ?? []);
    if (secrets.length > 0) stream.send(world(String(this.#version), secrets, sds));
  }
}
