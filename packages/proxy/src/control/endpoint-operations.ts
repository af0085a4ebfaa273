import { type Either, isLeft, left, right } from "@pagoda/core";
import { originOf } from "../config/address.ts";
import type { EjectedEndpoint } from "../data-plane/ejected-endpoints.ts";
import type { ClusterStatus, ResetQuery, WasReset } from "../data-plane/types.ts";
import { type Ejections, maxEjected } from "./ejections.ts";

/** Why an operation was not performed. */
export interface Unperformed {
  /** `unknown`: there is no such cluster or endpoint, or nothing to do; `conflict`: it would do harm. */
  readonly _tag: "unknown" | "conflict";
  readonly message: string;
}

export interface Ejecting {
  readonly cluster: string;
  /** Its origin, or host and port. */
  readonly endpoint: string;
  readonly forMs: number;
  /** Also the last healthy endpoint. */
  readonly force: boolean;
}

export interface EndpointOperationsOptions {
  readonly ejections: Ejections;
  readonly clusters: () => Promise<readonly ClusterStatus[]>;
  readonly reset: (query: ResetQuery) => Promise<readonly WasReset[]>;
}

/** What an operator does to endpoints, in all workers. */
export class EndpointOperations {
  readonly #options: EndpointOperationsOptions;
  /** One at a time: two at once could eject the last two endpoints. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: EndpointOperationsOptions) {
    this.#options = options;
  }

  /** Ejects an endpoint, or changes the time of its ejection. */
  eject({ cluster, endpoint, forMs, force }: Ejecting): Promise<Either<Unperformed, EjectedEndpoint>> {
    return this.#inTurn(async () => {
      const { ejections } = this.#options;
      const found = await this.#find(cluster, endpoint);
      if (isLeft(found)) return found;
      const { status, key } = found.right;
      const others = status.endpoints.filter((each) => each.endpoint !== key);
      if (!force && !others.some(({ healthy }) => healthy))
        return conflict(`no other endpoint of cluster ${cluster} is healthy: add force=true to eject ${key}`);
      if (ejections.size >= maxEjected && !ejections.has(cluster, key))
        return conflict(`no more than ${maxEjected} endpoints can be ejected at once`);
      return right(await ejections.eject(cluster, key, forMs));
    });
  }

  /** Ends the ejection of an endpoint by an operator. */
  end(cluster: string, endpoint: string): Promise<Either<Unperformed, { readonly endpoint: string }>> {
    return this.#inTurn(async () => {
      const { ejections } = this.#options;
      // Its cluster or discovery may have lost it meanwhile.
      const ejected = ejections.all.find(
        (each) => each.cluster === cluster && isKey(each.endpoint, endpoint),
      );
      if (ejected !== undefined) {
        await ejections.end(cluster, ejected.endpoint);
        return right({ endpoint: ejected.endpoint });
      }
      const found = await this.#find(cluster, endpoint);
      if (isLeft(found)) return found;
      return unknown(
        `${found.right.key} of cluster ${cluster} was not ejected by an operator; POST /breakers/reset ends ejections by outlier detection`,
      );
    });
  }

  /** Closes open circuits and ends ejections by outlier detection. */
  reset({ cluster, endpoint }: ResetQuery): Promise<Either<Unperformed, readonly WasReset[]>> {
    return this.#inTurn(async () => {
      let key = endpoint;
      if (cluster !== undefined) {
        const found = await this.#find(cluster, endpoint);
        if (isLeft(found)) return found;
        key &&= found.right.key;
      }
      const all = await this.#options.reset({ cluster, endpoint: key });
      return all.length > 0
        ? right(all)
        : unknown("no circuit is open and no endpoint ejected by outlier detection");
    });
  }

  /** @param endpoint Any, if undefined. */
  async #find(cluster: string, endpoint: string | undefined): Promise<Either<Unperformed, Found>> {
    const all = await this.#options.clusters();
    const status = all.find((each) => each.cluster === cluster);
    if (status === undefined)
      return unknown(`cluster must be ${oneOf(all.map((each) => each.cluster))} (got "${cluster}")`);
    const keys = status.endpoints.map((each) => each.endpoint);
    const key = endpoint === undefined ? "" : keys.find((each) => isKey(each, endpoint));
    if (key === undefined)
      return unknown(`endpoint must be ${oneOf(keys)} in cluster ${cluster} (got "${endpoint}")`);
    return right({ status, key });
  }

  #inTurn<A>(run: () => Promise<A>): Promise<A> {
    const next = this.#turn.then(run);
    this.#turn = next.catch(() => {});
    return next;
  }
}

interface Found {
  readonly status: ClusterStatus;
  /** Of the endpoint. */
  readonly key: string;
}

/** Whether a text names an endpoint: as its origin, or as host and port. */
function isKey(key: string, text: string): boolean {
  const origin = originOf(key) ?? key;
  return (
    text === key || [text, `http://${text}`, `https://${text}`].some((each) => originOf(each) === origin)
  );
}

/** Names shown in a message. */
const maxShown = 20;

function oneOf(names: readonly string[]): string {
  if (names.length === 0) return "known: there are none";
  const more = names.length > maxShown ? ` and ${names.length - maxShown} more` : "";
  return `one of ${names.slice(0, maxShown).join(", ")}${more}`;
}

function unknown(message: string): Either<Unperformed, never> {
  return left({ _tag: "unknown", message });
}

function conflict(message: string): Either<Unperformed, never> {
  return left({ _tag: "conflict", message });
}
