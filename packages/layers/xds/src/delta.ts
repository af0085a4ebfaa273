import { create } from "@bufbuild/protobuf";
import type { Clock } from "@pagoda/core";
import type { Node } from "./generated/core_pb.ts";
import { type DeltaDiscoveryRequest, DeltaDiscoveryRequestSchema } from "./generated/discovery_pb.ts";
import { Outbox } from "./outbox.ts";
import { Rejections } from "./rejections.ts";
import { type Discovery, type Asked, errorDetail, type Session } from "./session.ts";
import type { Response } from "./subscription.ts";

/** The incremental protocol: the control plane sends only what has changed. */
export class DeltaSession implements Session {
  readonly #service: Discovery;
  readonly #node: Node;
  readonly #rejections: Rejections;
  readonly #requests = new Outbox<DeltaDiscoveryRequest>();
  readonly #ending = new AbortController();
  readonly #begun = new Set<string>();
  #isFirst = true;

  constructor(service: Discovery, node: Node, clock: Clock) {
    this.#service = service;
    this.#node = node;
    this.#rejections = new Rejections(clock);
  }

  async *responses(): AsyncGenerator<Response> {
    const stream = this.#service.delta(this.#requests, { signal: this.#ending.signal });
    for await (const {
      typeUrl: url,
      systemVersionInfo: version,
      nonce,
      resources,
      removedResources,
    } of stream)
      yield {
        url,
        version,
        nonce,
        resources: resources.map(received),
        removed: removedResources,
        isWhole: false,
      };
  }

  begin({ type, asked, known }: Asked): void {
    if (asked === undefined) return;
    this.#begun.add(type.url);
    this.#send({
      typeUrl: type.url,
      resourceNamesSubscribe: [...asked],
      initialResourceVersions: Object.fromEntries(
        Array.from(known, ([name, { version }]) => [name, version]),
      ),
    });
  }

  change(subscription: Asked, added: readonly string[], removed: readonly string[]): void {
    const { type } = subscription;
    if (!this.#begun.has(type.url)) return this.begin(subscription);
    this.#send({
      typeUrl: type.url,
      resourceNamesSubscribe: [...added],
      resourceNamesUnsubscribe: [...removed],
    });
  }

  answer({ type: { url } }: Asked, { nonce, version }: Response, problems: readonly string[]): void {
    this.#rejections.answer(url, version, problems.length > 0, () =>
      this.#send({ typeUrl: url, responseNonce: nonce, ...errorDetail(problems) }),
    );
  }

  close(): void {
    this.#rejections.close();
    this.#requests.close();
    this.#ending.abort();
  }

  #send(request: Parameters<typeof create<typeof DeltaDiscoveryRequestSchema>>[1]): void {
    const node = this.#isFirst ? { node: this.#node } : {};
    this.#isFirst = false;
    this.#requests.send(create(DeltaDiscoveryRequestSchema, { ...request, ...node } as object));
  }
}

function received({
  name,
  version,
  resource,
}: {
  name: string;
  version: string;
  resource?: Response["resources"][0]["resource"];
}) {
  return { name, version, resource };
}
