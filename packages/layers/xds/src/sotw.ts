import { create } from "@bufbuild/protobuf";
import type { Clock, Timer } from "@pagoda/core";
import type { Node } from "./generated/core_pb.ts";
import { type DiscoveryRequest, DiscoveryRequestSchema } from "./generated/discovery_pb.ts";
import { Outbox } from "./outbox.ts";
import { type Discovery, type Asked, errorDetail, type Session } from "./session.ts";
import type { Response } from "./subscription.ts";

const firstHoldMs = 1_000;
const maxHoldMs = 30_000;

/** What was said last about one type. */
interface Turn {
  nonce: string;
  /** The version that was rejected last. */
  rejected: string | undefined;
  /** How long the next rejection of the same version is held back. */
  holdMs: number;
  held: Timer | undefined;
}

/**
 * The state-of-the-world protocol: each response has all resources of a type.
 *
 * Some control planes send a rejected version again at once. So the same version is rejected again
 * only after a delay, which doubles from 1 s to 30 s. Otherwise the two would keep each other busy.
 */
export class SotwSession implements Session {
  readonly #service: Discovery;
  readonly #node: Node;
  readonly #clock: Clock;
  readonly #requests = new Outbox<DiscoveryRequest>();
  readonly #ending = new AbortController();
  readonly #turns = new Map<string, Turn>();
  #isFirst = true;

  constructor(service: Discovery, node: Node, clock: Clock) {
    this.#service = service;
    this.#node = node;
    this.#clock = clock;
  }

  async *responses(): AsyncGenerator<Response> {
    const stream = this.#service.sotw(this.#requests, { signal: this.#ending.signal });
    for await (const { typeUrl: url, versionInfo: version, nonce, resources } of stream) {
      const received = resources.map((resource) => ({ name: undefined, version, resource }));
      yield { url, version, nonce, resources: received, removed: [], isWhole: true };
    }
  }

  begin(subscription: Asked): void {
    // Without names the first request would ask for all resources.
    if (subscription.names.size === 0) return;
    this.#turns.set(subscription.type.url, {
      nonce: "",
      rejected: undefined,
      holdMs: firstHoldMs,
      held: undefined,
    });
    this.#send(subscription);
  }

  change(subscription: Asked): void {
    if (this.#turns.has(subscription.type.url)) this.#send(subscription);
    else this.begin(subscription);
  }

  answer(subscription: Asked, { version, nonce }: Response, problems: readonly string[]): void {
    const turn = this.#turns.get(subscription.type.url);
    if (turn === undefined) return;
    turn.nonce = nonce;
    this.#release(turn);
    if (problems.length === 0) {
      turn.rejected = undefined;
      turn.holdMs = firstHoldMs;
      this.#send(subscription);
      return;
    }
    if (turn.rejected !== version) {
      turn.rejected = version;
      turn.holdMs = firstHoldMs;
      this.#send(subscription, problems);
      return;
    }
    turn.held = this.#clock.setTimer(turn.holdMs, () => {
      turn.held = undefined;
      this.#send(subscription, problems);
    });
    turn.holdMs = Math.min(turn.holdMs * 2, maxHoldMs);
  }

  close(): void {
    for (const turn of this.#turns.values()) this.#release(turn);
    this.#requests.close();
    this.#ending.abort();
  }

  #release(turn: Turn): void {
    if (turn.held !== undefined) this.#clock.clearTimer(turn.held);
    turn.held = undefined;
  }

  #send({ type, names, version }: Asked, problems: readonly string[] = []): void {
    const request = create(DiscoveryRequestSchema, {
      typeUrl: type.url,
      versionInfo: version,
      resourceNames: [...names],
      responseNonce: this.#turns.get(type.url)?.nonce ?? "",
      ...errorDetail(problems),
      ...(this.#isFirst && { node: this.#node }),
    });
    this.#isFirst = false;
    this.#requests.send(request);
  }
}
