import type { SrvRecord } from "node:dns";
import { isIP } from "node:net";
import { type Either, isLeft, left, pause, right, Scope } from "@pagoda/core";
import type { Settings } from "./options.ts";
import {
  type AddressRecord,
  dnsFailed,
  type DnsFailed,
  type DnsFault,
  dnsFault,
  noRecords,
  type RecordType,
} from "./records.ts";

/** The result of resolving some hosts. */
export interface Found {
  /** Addresses by host; hosts without any are absent. */
  readonly addresses: ReadonlyMap<string, readonly string[]>;
  /** Milliseconds until the first answer expires. */
  readonly ttlMs: number;
  /** The first failed query, if others were answered. Its last addresses are used. */
  readonly fault: DnsFailed | undefined;
}

interface Question<T> {
  readonly name: string;
  readonly type: RecordType;
  ask(): Promise<readonly T[]>;
}

type Reply<T> = Either<DnsFault, readonly T[]>;

/** Sends the queries of one source, concurrently and with a timeout. */
export class Lookup {
  readonly #settings: Settings;
  readonly #closing = new AbortController();
  /** The last addresses of each query, for when it fails. */
  #known: ReadonlyMap<string, readonly string[]> = new Map();

  constructor(settings: Settings) {
    this.#settings = settings;
    const known = Map.groupBy(settings.initial, ({ host, address }) => `${recordTypeOf(address)} ${host}`);
    this.#known = new Map(
      Array.from(known, ([query, those]) => [query, those.map(({ address }) => address)]),
    );
  }

  /**
   * Resolves hosts. Returns `Left` if no query had an address: `NoRecords` only if all answers were
   * negative.
   */
  async addresses(hosts: readonly string[]): Promise<Either<DnsFault, Found>> {
    const { resolver, types } = this.#settings;
    const names = hosts.filter((host) => isIP(host) === 0);
    const questions = names.flatMap((name) =>
      types.map((type): Question<AddressRecord> => {
        const ask = (): Promise<readonly AddressRecord[]> =>
          type === "A" ? resolver.resolve4(name, { ttl: true }) : resolver.resolve6(name, { ttl: true });
        return { name, type, ask };
      }),
    );
    const replies = await this.#ask(questions);

    const addresses = new Map<string, string[]>();
    const known = new Map<string, readonly string[]>();
    let ttlMs = Infinity;
    let failed: DnsFailed | undefined;
    let none: DnsFault | undefined;
    let isAnswered = names.length < hosts.length;
    const add = (host: string, found: readonly string[]): void => {
      if (found.length > 0) addresses.set(host, [...(addresses.get(host) ?? []), ...found]);
    };
    for (const host of hosts) if (isIP(host) !== 0) add(host, [host]);
    for (const [at, reply] of replies.entries()) {
      const { name, type } = questions[at] as Question<AddressRecord>;
      const query = `${type} ${name}`;
      if (isLeft(reply)) {
        if (reply.left._tag === "NoRecords") {
          none ??= reply.left;
          continue;
        }
        failed ??= reply.left;
        const last = this.#known.get(query) ?? [];
        known.set(query, last);
        add(name, last);
      } else {
        const found = reply.right.map(({ address }) => address).filter((address) => isIP(address) !== 0);
        if (found.length === 0) throw new TypeError(`no address in the answer for ${query}`);
        isAnswered = true;
        known.set(query, found);
        add(name, found);
        for (const { ttl } of reply.right) ttlMs = Math.min(ttlMs, ttl >= 0 ? ttl * 1_000 : 0);
      }
    }
    if (!isAnswered) return left(failed ?? none ?? noRecords(hosts.join(", ")));
    this.#known = known;
    return right({ addresses, ttlMs, fault: failed });
  }

  async services(name: string): Promise<Reply<SrvRecord>> {
    const ask = (): Promise<readonly SrvRecord[]> => this.#settings.resolver.resolveSrv(name);
    const [reply] = await this.#ask([{ name, type: "SRV", ask }]);
    return reply as Reply<SrvRecord>;
  }

  /** Cancels the queries in flight. */
  close(): void {
    this.#closing.abort();
    this.#settings.resolver.cancel();
  }

  async #ask<T>(questions: readonly Question<T>[]): Promise<readonly Reply<T>[]> {
    const { clock, timeoutMs } = this.#settings;
    const scope = new Scope(this.#closing.signal);
    const late = pause(clock, timeoutMs, scope.signal);
    const replies = await Promise.all(questions.map((question) => this.#reply(question, late)));
    scope.abort();
    return replies;
  }

  async #reply<T>({ name, type, ask }: Question<T>, late: Promise<void>): Promise<Reply<T>> {
    try {
      const records = await Promise.race([ask(), late]);
      if (records === undefined) {
        this.#settings.resolver.cancel();
        return left(dnsFailed(name, type, "ETIMEOUT"));
      }
      return records.length > 0 ? right(records) : left(noRecords(name));
    } catch (cause) {
      return left(dnsFault(name, type, cause));
    }
  }
}

function recordTypeOf(address: string): "A" | "AAAA" {
  return isIP(address) === 6 ? "AAAA" : "A";
}
