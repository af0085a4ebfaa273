import {
  type AnyLayer,
  type Classifier,
  type Clock,
  contractVersion,
  type FailsOf,
  type Fault,
  type Layer,
  type Random,
  type Service,
} from "@pagoda/core";
import type { FromClient, HttpRequest, HttpResponse, Identified } from "@pagoda/http";
import type { GrpcStatus } from "@pagoda/grpc";
import type { EventOf } from "@pagoda/metrics";
import type { Rates, Store, Unreachable } from "@pagoda/rate-limit";
import type { Answer } from "@pagoda/respond";
import type { Routed } from "@pagoda/router";
import type { Logger } from "pino";
import type { z } from "zod";
import type { OwnAnswers } from "./own-answers.ts";
import type { Path, Report } from "../schema/report.ts";
import type { Vocabulary } from "../schema/vocabulary.ts";

export type { Vocabulary };

/**
 * Where policies stand: around all routes of a listener, around the clusters of a route, around the
 * balancer of a cluster, or around the transport to each of its endpoints.
 */
export const policyPlaces = ["listener", "route", "cluster", "endpoint"] as const;

export type PolicyPlace = (typeof policyPlaces)[number];

/** What requests carry in each place. */
export interface RequestAt {
  readonly listener: HttpRequest & Identified & FromClient;
  readonly route: HttpRequest & Identified & FromClient & Routed;
  readonly cluster: HttpRequest & FromClient;
  readonly endpoint: HttpRequest & FromClient;
}

/** What a layer is given in each place. */
export interface EnvironmentAt {
  readonly listener: ListenerEnvironment;
  readonly route: RouteEnvironment;
  readonly cluster: Environment;
  readonly endpoint: EndpointEnvironment;
}

/**
 * All that the proxy knows of a policy, built-in or not: its field in the configuration, its place,
 * its layer, the responses to its errors, what it counts, and what it keeps over reloads.
 *
 * @typeParam Name The field.
 * @typeParam At Its places.
 * @typeParam Schema The schema of its settings.
 * @typeParam L Its layer.
 * @typeParam Kept What it keeps over reloads.
 */
export interface Policy<Name extends string, At extends PolicyPlace, Schema extends z.ZodType, L, Kept> {
  /** The name of its field under `policies`. */
  readonly name: Name;
  /** Its places. It sees only what requests carry in all of them. */
  readonly at: readonly At[];
  /** The policy that it stands directly outside of. It must stand in each of its places. */
  readonly before?: string;
  /**
   * The policy that it stands inside of; directly, unless `before` is given. It must stand in each of
   * its places. A policy with neither is innermost.
   */
  readonly after?: string;
  /**
   * The schema of that field, made of building blocks: see {@link Vocabulary}. It must accept an
   * absent field.
   */
  schema(words: Vocabulary): Schema;
  /** Checks beyond the schema. Default: none. */
  check?(settings: Settings<Schema>, checking: Checking): void;
  /** The clusters that it calls, by the path in its settings, and the protocol they must have. */
  clusters?(settings: Settings<Schema>): readonly CalledCluster[];
  /** The files that it reads. Their contents are part of the configuration: see `file`. */
  files?(settings: Settings<Schema>): readonly PolicyFile[];
  /** Its effect on a request, for `pagoda explain`. Default: shows its settings. */
  explain?(settings: Settings<Schema>, request: HttpRequest & FromClient): Verdict;
  /**
   * Why `pagoda simulate` leaves it out, and what it assumes instead: "every password is accepted".
   * For a policy that waits for something other than its clock. Undefined: it is simulated.
   */
  notSimulated?(settings: Settings<Schema>): string | undefined;
  /** The events that it counts as `stack_events_total`. Default: none. */
  readonly events?: Events<never>;
  /** Default: nothing survives a reload. */
  readonly state?: State<Schema, EnvironmentAt[At], Kept>;
  /** Why calls do not pass now, for `/clusters` and `pagoda why`; undefined if they do. */
  blockedReason?(kept: Kept): string | BlockedReason | undefined;
  /** Lets calls pass again now, for `POST /breakers/reset`. Returns false if they do. */
  reset?(kept: Kept): boolean;
  /** Undefined if it does nothing with these settings. */
  layer(settings: Settings<Schema>, environment: EnvironmentAt[At], kept: Kept): L;
  /** For types only. */
  readonly "~kept"?: Kept;
  /** The response to each error of its layer. */
  readonly answers: AnswersTo<FaultsOf<L>>;
  /** gRPC statuses that replace those derived from the HTTP status. */
  readonly grpc?: { readonly [Tag in keyof AnswersTo<FaultsOf<L>>]?: GrpcStatus };
}

/** The layer of a policy: it may raise and handle errors, and respond by itself. */
export type PolicyLayer<At extends PolicyPlace = PolicyPlace> = Layer<
  RequestAt[At],
  unknown,
  Fault,
  unknown,
  HttpResponse,
  HttpResponse
>;

/** The errors of a layer. */
type FaultsOf<L> = FailsOf<Exclude<L, undefined> & AnyLayer<never>>;

/** A response to each error that the proxy does not answer itself. */
type AnswersTo<F> = {
  readonly [Tag in Exclude<F extends Fault ? F["_tag"] : never, keyof OwnAnswers>]:
    | Answer
    | ((fault: F & Fault<Tag>) => Answer);
};

/** Any policy. */
// What a policy takes is checked where it is defined and where it stands.
// oxlint-disable-next-line no-explicit-any
export type AnyPolicy = Policy<string, any, any, any, any>;

/** What the layer of a policy is given. */
export type Settings<Schema extends z.ZodType> = Exclude<z.output<Schema>, undefined>;

/** The version of the contract for which a policy was made, whichever copy of this module made it. */
const contract: unique symbol = Symbol.for("@pagoda/proxy/policy");

/** That version; undefined for anything but a policy. */
export function contractOf(value: unknown): number | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  return (value as { readonly [contract]?: number })[contract];
}

/**
 * Defines a policy. The compiler checks that its layer needs nothing of requests that they lack in
 * one of its places, and that each of its errors has an answer.
 */
export function definePolicy<
  const Name extends string,
  const At extends PolicyPlace,
  Schema extends z.ZodType,
  L,
  Kept = undefined,
>(
  definition: Policy<Name, At, Schema, L, Kept> & { layer(...args: never): PolicyLayer<At> | undefined },
): Policy<Name, At, Schema, L, Kept> {
  return Object.assign({ [contract]: contractVersion }, definition);
}

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
  /**
   * Whether all workers share it: it uses the `sharedStore` of its environment, which the main process
   * keeps. Default false: each worker has a state of its own.
   */
  readonly isShared?: boolean;
  /**
   * What clients notice of that, such as "a key is known only to the worker that has seen it". `check`
   * warns with it unless there is one worker. Default: nothing that matters.
   */
  readonly perWorker?: string;
}

/** The counted events of a layer. */
export interface Events<in Observer> {
  /** The name of the layer in metrics and `/stack`. */
  readonly layer: string;
  readonly names: readonly string[];
  /** Sentences about events, by name: see {@link eventsOf}. */
  readonly texts?: Readonly<Record<string, (...facts: never[]) => string | undefined>> | undefined;
  /** For types only. */
  readonly "~observer"?: (observer: Observer) => void;
}

/**
 * Names the events of a layer that are counted, and tells what they mean for a call. The arguments of
 * an event, without the request, are its facts. They are kept as plain data: what is nested deeper than
 * in an object, and strings beyond 256 characters, are cut off.
 *
 * @param names Functions of the observer that are counted.
 * @param texts Sentences for `pagoda why`, by event, such as `waited 25 ms, then tried again`. An event
 *   that is only here appears there without being counted; undefined leaves it out. Default: the name
 *   and the facts of the event.
 */
export function eventsOf<Observer extends object>(
  layer: string,
  names: readonly EventOf<Observer>[],
  texts?: EventTexts<Observer>,
): Events<Observer> {
  return { layer, names, texts: texts as Events<Observer>["texts"] };
}

/** Why a policy does not let calls pass. */
export interface BlockedReason {
  /** In a few words, the same in all places: `circuit open`. Places with the same cause are counted. */
  readonly cause: string;
  /** What led to it. */
  readonly detail?: string | undefined;
  /** Milliseconds until calls pass again, if that is known. */
  readonly forMs?: number | undefined;
}

/** A cluster that a policy calls. */
export type CalledCluster = readonly [path: Path, cluster: string, protocol?: "http2" | undefined];
/** Sentences about the events of a layer. */
export type EventTexts<Observer> = {
  readonly [Name in EventOf<Observer>]?: NonNullable<Observer[Name]> extends (
    ...facts: infer Facts
  ) => unknown
    ? (...facts: Facts) => string | undefined
    : never;
};

/** A file that settings name. A change of the file reloads the configuration. */
export interface PolicyFile {
  /** The path of its name in the settings. */
  readonly path: Path;
  readonly name: string;
  /**
   * Returns what its text must be, if it is not: `must be …`. `certificates`: certificates in PEM
   * format.
   */
  readonly problem: "certificates" | ((text: string) => string | undefined);
}

/** Where a policy stands. */
export interface Environment {
  /** `listener main, route all`. A place of the same name keeps its state over reloads. */
  readonly place: string;
  readonly log: Logger;
  /** Decides what results say about the upstream. */
  readonly classifier: Classifier;
  /** For its layer, so that `pagoda simulate` can run it in virtual time. */
  readonly clock: Clock;
  /** For its layer, so that a simulation is the same for the same seed. */
  readonly random: Random;
  /** Returns the text of a file that the settings name: see `files`. */
  file(name: string): string;
  /**
   * Creates an observer that counts events, with the labels of this place.
   *
   * @param also Another observer to call.
   */
  observe<Observer extends object>(events: Events<Observer>, also?: Observer): Observer;
  /**
   * Creates a function that records how long the layer has waited for another service, by result, as
   * `stack_duration_seconds` with the labels of this place.
   */
  timed<Result extends string>(
    layer: string,
    results: readonly Result[],
  ): (result: Result, durationMs: number) => void;
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
   * Creates the storage of a rate limit that others share, for a policy whose state is `isShared`;
   * undefined if nothing is shared. It keeps rates, not data.
   */
  readonly sharedStore: SharedStores | undefined;
  readonly cluster: (name: string) => Service<HttpRequest & FromClient, HttpResponse, unknown>;
}

/**
 * Creates the storage of a limit: of one shared by all workers, or with `kept` by all machines.
 * Undefined if this worker alone has it.
 */
export type SharedStores = (maxKeys: number, kept?: KeptLimit) => ((rates: Rates) => Store) | undefined;

/** How a limit is kept in a store of the configuration. */
export interface KeptLimit {
  /** Its name. */
  readonly store: string;
  readonly leaseMs: number;
  /** What to admit while it does not answer. */
  readonly unreachable: Unreachable;
}

export interface RouteEnvironment extends ListenerEnvironment {}

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
  /** Reports a setting that requires the claims of a verified token. */
  needsClaims(path: Path): void;
  /** Reports the name of a store that is not configured. */
  needsStore(path: Path, name: string): void;
}

/** The effect of a policy on a request. */
export interface Verdict {
  readonly text: string;
  readonly passes: boolean;
}
