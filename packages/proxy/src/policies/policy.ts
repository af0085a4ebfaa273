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
  /** The schema of that field, made of the words of all schemas: see {@link Vocabulary}. */
  schema(words: Vocabulary): Schema;
  /** What no schema can say. Without it the schema says it all. */
  check?(settings: Settings<Schema>, checking: Checking): void;
  /** The clusters that it sends calls to, by where its settings name them. */
  clusters?(settings: Settings<Schema>): readonly (readonly [path: Path, cluster: string])[];
  /** What it does with a request, for `pagoda explain`. Without it, its settings are shown. */
  explain?(settings: Settings<Schema>, request: HttpRequest & FromClient): Verdict;
  /** What it counts as `stack_events_total`. */
  readonly events: Events<never> | undefined;
  readonly state: State<Schema, Env, Kept> | Stateless;
  /** Why calls do not go through now, for `/clusters`; `undefined`: they do. */
  why?(kept: Kept): string | undefined;
  /** `undefined`: with these settings it does nothing. */
  layer(settings: Settings<Schema>, environment: Env, kept: Kept): L;
  /** For the compiler only. */
  readonly "~kept"?: Kept;
  /** How each error that it raises is answered: a server does not compile while one is not. */
  readonly answers: Table;
  /** What gRPC clients are told instead of what they make of the HTTP status. */
  readonly grpc?: Readonly<Record<string, GrpcStatus>>;
}

/** What the layer of a policy may be: it raises errors, and neither handles any nor answers by itself. */
export type PolicyLayer = Layer<never, unknown, unknown, never, never, HttpResponse>;

/** A policy, whatever it is. */
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
 * What a policy keeps over reloads. The layers of the former and of the new configuration have it in common for as long as
 * calls are under way in both, each with its own settings: what it counts is counted once.
 */
export interface State<Schema extends z.ZodType, Env, Kept> {
  /** Plain data that it is bound to, of the settings or the place: where that changes, it begins anew. */
  boundTo(settings: Settings<Schema>, environment: Env): unknown;
  create(settings: Settings<Schema>, environment: Env): Kept;
  /** Whether it holds for all workers together, and so the main process keeps it. */
  readonly isShared?: boolean;
}

/** The events of a layer that are counted. */
export interface Events<in Observer> {
  /** As metrics and `/stack` call the layer. */
  readonly layer: string;
  readonly names: readonly string[];
  /** For the compiler only. */
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
  /** `listener main, route all`. What has a place of the same name keeps its state over reloads. */
  readonly place: string;
  readonly log: Logger;
  /** What results say about the upstream. */
  readonly classifier: Classifier;
  /**
   * An observer that counts events, with the labels of this place.
   *
   * @param also Told of them, too.
   */
  observe<Observer extends object>(events: Events<Observer>, also?: Observer): Observer;
  /** The settings of another policy that stands here; `undefined`: it is not configured. */
  settingsOf<Schema extends z.ZodType>(policy: {
    schema(words: Vocabulary): Schema;
  }): Settings<Schema> | undefined;
  /** What that policy keeps. */
  keptBy<Kept>(policy: { readonly "~kept"?: Kept }): Kept | undefined;
}

/** A place that calls pass before they go to a cluster. */
export interface DoorEnvironment extends Environment {
  /** Makes what keeps a limit that all workers share; `undefined`: this worker is alone. */
  readonly sharedStore: ((maxKeys: number) => (rates: Rates) => Store) | undefined;
}

export interface RouteEnvironment extends DoorEnvironment {
  readonly cluster: (name: string) => Service<HttpRequest & FromClient, HttpResponse, unknown>;
}

export interface EndpointEnvironment extends Environment {
  /** Its origin. */
  readonly endpoint: string;
  /** How it is called: protocol and TLS. With another connection it may be well that was not. */
  readonly connection: unknown;
}

/** Where the settings of a policy are checked. */
export interface Checking {
  readonly path: Path;
  readonly report: Report;
  /** The route that it is for; `undefined`: for a listener or a cluster. */
  readonly route?: string | undefined;
  /** A setting is about the identities of clients. */
  needsIdentities(path: Path): void;
}

/** What a policy does with a request. */
export interface Verdict {
  readonly text: string;
  readonly passes: boolean;
}
