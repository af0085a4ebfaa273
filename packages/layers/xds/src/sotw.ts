import { create } from "@bufbuild/protobuf";
import type { Clock } from "@pagoda/core";
import type { Node } from "./generated/core_pb.ts";
import { type DiscoveryRequest, DiscoveryRequestSchema } from "./generated/discovery_pb.ts";
import { Outbox } from "./outbox.ts";
import { Rejections } from "./rejections.ts";
import { type Discovery, type Asked, errorDetail, type Session } from "./session.ts";
import type { Response } from "./subscription.ts";

/** The state-of-the-world protocol: each response has all resources of a type. */
export class SotwSession implements Session {
  readonly #service: Discovery;
  readonly #node: Node;
  readonly #rejections: Rejections;
  readonly #requests = new Outbox<DiscoveryRequest>();
  readonly #ending = new AbortController();
  /** The last nonce of each type. */
  readonly #nonces = new Map<string, string>();
  #isFirst = true;

  constructor(service: Discovery, node: Node, clock: Clock) {
    this.#service = service;
    this.#node = node;
    this.#rejections = new Rejections(clock);
  }

  async *responses(): AsyncGenerator<Response> {
    const stream = this.#service.sotw(this.#requests, { signal: this.#ending.signal });
    for await (const { typeUrl: url, versionInfo: version, nonce, resources } of stream) {
      const received = resources.map((resource) => ({ name: undefined, version, resource }));
      yield { url, version, nonce, resources: received, removed: [], isWhole: true };
    }
  }

  begin(subscription: Asked): void {
    // Without names the first request asks for all resources.
    if (subscription.asked === undefined) return;
    this.#nonces.set(subscription.type.url, "");
    this.#send(subscription);
  }

  change(subscription: Asked): void {
    if (this.#nonces.has(subscription.type.url)) this.#send(subscription);
    else this.begin(subscription);
  }

  answer(subscription: Asked, { version, nonce }: Response, problems: readonly string[]): void {
    const { url } = subscription.type;
    if (!this.#nonces.has(url)) return;
    this.#nonces.set(url, nonce);
    this.#rejections.answer(url, version, problems.length > 0, () => this.#send(subscription, problems));
  }

  close(): void {
    this.#rejections.close();
    this.#requests.close();
    this.#ending.abort();
  }

  #send({ type, asked = [], version }: Asked, problems: readonly string[] = []): void {
    const request = create(DiscoveryRequestSchema, {
      typeUrl: type.url,
      versionInfo: version,
      resourceNames: [...asked],
      responseNonce: this.#nonces.get(type.url) ?? "",
      ...errorDetail(problems),
      ...(this.#isFirst && { node: this.#node }),
    });
    this.#isFirst = false;
    this.#requests.send(request);
  }
}
