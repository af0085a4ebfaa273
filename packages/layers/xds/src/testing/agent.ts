import type { DiscoveryRequest } from "../generated/discovery_pb.ts";
import type { Secret } from "../generated/secret_pb.ts";
import { Arrivals, ScriptedControlPlane, sds, type ServerStream, world } from "./scripted.ts";

interface Client {
  readonly stream: ServerStream<DiscoveryRequest>;
  names: readonly string[];
}

/**
 * An agent that serves secrets alone, as SPIRE's does: on a unix socket, in the state-of-the-world
 * protocol, each secret with a stream of its own or several on one.
 */
export class SecretAgent {
  /** Reasons with which clients have rejected responses. */
  readonly rejections = new Arrivals<string>();
  readonly #plane: ScriptedControlPlane;
  readonly #clients = new Set<Client>();
  readonly #secrets = new Map<string, Secret>();
  #version = 0;
  #isAccepting = false;

  /** @param path The path of its socket. Default: a port on loopback instead. */
  constructor(path?: string) {
    this.#plane = new ScriptedControlPlane(path);
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

  /** Serves these secrets instead of those of the same names, and tells all clients. */
  serve(...secrets: readonly Secret[]): void {
    this.#version++;
    for (const secret of secrets) this.#secrets.set(secret.name, secret);
    for (const client of this.#clients)
      if (secrets.some(({ name }) => client.names.includes(name))) this.#send(client);
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
      const stream = await this.#plane.sotw.next();
      const client: Client = { stream, names: [] };
      this.#clients.add(client);
      void stream.ended.then(() => this.#clients.delete(client));
      void this.#serve(client);
    }
  }

  async #serve(client: Client): Promise<void> {
    for (;;) {
      const { errorDetail, resourceNames: names } = await client.stream.next();
      if (errorDetail !== undefined) this.rejections.push(errorDetail.message);
      const isNew = names.some((name) => !client.names.includes(name));
      client.names = names;
      if (isNew) this.#send(client);
    }
  }

  #send({ stream, names }: Client): void {
    const secrets = names.flatMap((name) => this.#secrets.get(name) ?? []);
    if (secrets.length > 0) stream.send(world(String(this.#version), secrets, sds));
  }
}
