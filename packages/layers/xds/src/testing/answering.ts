import type { DeltaDiscoveryRequest, DiscoveryRequest } from "../generated/discovery_pb.ts";
import { Arrivals, ScriptedControlPlane, type ServerStream } from "./scripted.ts";

/** A client, with what it has asked for. */
export interface Client<Req extends DiscoveryRequest | DeltaDiscoveryRequest, Asked> {
  readonly stream: ServerStream<Req>;
  asked: Asked;
}

/** A control plane on loopback that answers by itself, rather than as a test scripts it. */
export abstract class AnsweringControlPlane<Req extends DiscoveryRequest | DeltaDiscoveryRequest, Asked> {
  /** Reasons with which clients have rejected responses. */
  readonly rejections: Arrivals<string> = new Arrivals();
  protected readonly clients: Set<Client<Req, Asked>> = new Set();
  readonly #plane: ScriptedControlPlane;
  #isAccepting = false;

  /** @param address As of a `ScriptedControlPlane`. */
  constructor(address?: string | number) {
    this.#plane = new ScriptedControlPlane(address);
  }

  get url(): string {
    return this.#plane.url;
  }

  /** How many clients are connected. */
  get connections(): number {
    return this.clients.size;
  }

  async listen(): Promise<this> {
    await this.#plane.listen();
    if (!this.#isAccepting) void this.#accept();
    this.#isAccepting = true;
    return this;
  }

  /** Ends as a killed process does. It may listen again. */
  async kill(): Promise<void> {
    this.clients.clear();
    await this.#plane.kill();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }

  /** The streams of its protocol. */
  protected abstract streams(plane: ScriptedControlPlane): Arrivals<ServerStream<Req>>;
  /** What a client has asked for at first. */
  protected abstract nothing(): Asked;
  protected abstract answer(client: Client<Req, Asked>, request: Req): void;

  async #accept(): Promise<void> {
    for (;;) {
      const stream = await this.streams(this.#plane).next();
      const client: Client<Req, Asked> = { stream, asked: this.nothing() };
      this.clients.add(client);
      void stream.ended.then(() => this.clients.delete(client));
      void this.#serve(client);
    }
  }

  async #serve(client: Client<Req, Asked>): Promise<void> {
    for (;;) {
      const request = await client.stream.next();
      if (request.errorDetail !== undefined) this.rejections.push(request.errorDetail.message);
      this.answer(client, request);
    }
  }
}
