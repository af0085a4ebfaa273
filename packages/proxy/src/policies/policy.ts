import type { Classifier, Layer, Service } from "@pagoda/core";
import type { FromClient, HttpRequest, HttpResponse } from "@pagoda/http";
import type { GrpcStatus } from "@pagoda/grpc";
import type { EventOf } from "@pagoda/metrics";
import type { Rates, Store } from "@pagoda/rate-limit";
import type { Answers } from "@pagoda/respond";
import type { Logger } from "pino";
import type { z } from "zod";
import type { Path, Report } from "../schema/report.ts";
import type { Vocabulary } from "../schema/vocabulary.ts";

/**
 * All that the proxy knows of a policy: its field in the configuration and what must hold of it, its layer, how its errors
 * are answered, what it counts, and what it keeps over reloads. A file gives one, or a variant for each place where the
 * settings differ; `index.ts` says where it stands.
 *
 * @typeParam Name The field.
 * @typeParam Schema Of its settings, as a file says them.
 * @typeParam Env What the layer is given of the place where it stands.
 * @typeParam L The layer.
 * @typeParam Table How its errors are answered.
 * @typeParam Kept What it keeps over reloads.
 */
export interface Policy<
  out Name extends string,
  Schema extends z.ZodType,
  in Env extends Environment,
  out L,
  out Table extends Answers,
  Kept,
> {
  readonly name: Name;
  /** The schema of that field, made of building blocks: see {@link Vocabulary}. */
  schema(words: Vocabulary): Schema;
  /** Checks beyond the schema. Default: none. */
  check?(settings: Settings<Schema>, checking: Checking): void;
  /** The clusters that it calls, by the path in its settings. */
  clusters?(settings: Settings<Schema>): readonly (readonly [path: Path, cluster: string])[];
  /** Its effect on a request, for `pagoda explain`. Default: shows its settings. */
  explain?(settings: Settings<Schema>, request: HttpRequest & FromClient): Verdict;
  /** The events that it counts as `stack_events_total`. */
  readonly events: Events<never> | undefined;
  readonly state: State<Schema, Env, Kept> | Stateless;
  /** Why calls do not pass now, for `/clusters`; undefined if they do. */
  blockedReason?(kept: Kept): string | undefined;
  /** Undefined if it does nothing with these settings. */
  layer(settings: Settings<Schema>, environment: Env, kept: Kept): L;
  /** For types only. */
  readonly "~kept"?: Kept;
  /** The response to each of its errors; without it a server does not compile. */
  readonly answers: Table;
  /** gRPC statuses that replace those derived from the HTTP status. */
  readonly grpc?: Readonly<Record<string, GrpcStatus>>;
}

/**
 * The layer of a policy: it may raise errors, but neither handles errors nor responds by itself.
 */
export type PolicyLayer = Layer<never, unknown, unknown, never, never, HttpResponse>;

/** Any policy. */
// What a policy takes is checked where it is defined and where it stands.
// oxlint-disable-next-line no-explicit-any
export type AnyPolicy = Policy<string, any, any, any, Answers, any>;

/** What the layer of a policy is given. */
export type Settings<Schema extends z.ZodType> = Exclude<z.output<Schema>, undefined>;

/** Defines a policy; for its types. */
export function policy<
  const Name extends string,
  Schema extends z.ZodType,
  Env extends Environment,
  L extends PolicyLayer | undefined,
  const Table extends Answers,
  Kept = undefined,
>(definition: Policy<Name, Schema, Env, L, Table, Kept>): Policy<Name, Schema, Env, L, Table, Kept> {
  return definition;
}

/** Its layer keeps nothing between calls that a reload could lose. */
export interface Stateless {
  readonly none: true;
}

/** Keeps nothing over reloads. */
export const stateless: Stateless = { none: true };

/**
 * The state of a policy that is kept over reloads. The layers of the previous and the new
 * configuration share it while both have calls in flight, each with its own settings, so that
 * nothing is counted twice.
 */
export interface State<Schema extends z.ZodType, Env, Kept> {
  /**
   * Plain data, of the settings or the place, that the state is bound to: when it changes, the
   * state starts afresh.
   */
  boundTo(settings: Settings<Schema>, environment: Env): unknown;
  create(settings: Settings<Schema>, environment: Env): Kept;
  /** Whether all workers share it, so that the main process keeps it. */
  readonly isShared?: boolean;
}

/** The counted events of a layer. */
export interface Events<in Observer> {
  /** The name of the layer in metrics and `/stack`. */
  readonly layer: string;
  readonly names: readonly string[];
  /** For types only. */
  readonly "~observer"?: (observer: Observer) => void;
}

/** @param names Functions of the observer that are counted. */
export function eventsOf<Observer extends object>(
  layer: string,
  names: readonly EventOf<Observer>[],
): Events<Observer> {
  return { layer, names };
}

/** Where a policy stands. */
export interface Environment {
  /** `listener main, route all`. A place of the same name keeps its state over reloads. */
  readonly place: string;
  readonly log: Logger;
  /** Decides what results say about the upstream. */
  readonly classifier: Classifier;
  /**
   * Creates an observer that counts events, with the labels of this place.
   *
   * @param also Another observer to call.
   */
  observe<Observer extends object>(events: Events<Observer>, also?: Observer): Observer;
  /** The settings of another policy in this place; undefined if it is not configured. */
  settingsOf<Schema extends z.ZodType>(policy: {
    schema(words: Vocabulary): Schema;
  }): Settings<Schema> | undefined;
  /** The state of that policy. */
  keptBy<Kept>(policy: { readonly "~kept"?: Kept }): Kept | undefined;
}

/** A place that calls pass before they go to a cluster. */
export interface ListenerEnvironment extends Environment {
  /**
   * Creates the storage of a limit shared by all workers; undefined if this worker is the only one.
   */
  readonly sharedStore: ((maxKeys: number) => (rates: Rates) => Store) | undefined;
}

export interface RouteEnvironment extends ListenerEnvironment {
  readonly cluster: (name: string) => Service<HttpRequest & FromClient, HttpResponse, unknown>;
}

export interface EndpointEnvironment extends Environment {
  /** Its origin. */
  readonly endpoint: string;
  /** Its protocol and TLS settings: with others, an unhealthy endpoint may be healthy. */
  readonly connection: unknown;
}

/** The context of a check. */
export interface Checking {
  readonly path: Path;
  readonly report: Report;
  /** The route; undefined for a listener or a cluster. */
  readonly route?: string | undefined;
  /** Reports a setting that requires client identities. */
  needsIdentities(path: Path): void;
}

/** The effect of a policy on a request. */
export interface Verdict {
  readonly text: string;
  readonly passes: boolean;
}
