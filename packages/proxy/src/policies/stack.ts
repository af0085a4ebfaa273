import type { Classifier, FailsOf, Layer } from "@pagoda/core";
import type { HttpResponse } from "@pagoda/http";
import type { EventMetrics } from "@pagoda/metrics";
import { observed } from "./observed.ts";
import type { Logger } from "pino";
import type { z } from "zod";
import type { LayerDurations } from "./layer-durations.ts";
import type { AnyPolicy, BlockedReason, Environment, EnvironmentAt, Events, PolicyPlace } from "./policy.ts";
import type { PolicyRegistry } from "./registry.ts";
import { errorText, runPolicy } from "./run-policy.ts";
import { marking } from "./shared-tags.ts";
import type { States } from "./states.ts";

/** Policies, from the outside in. */
export type Stack = readonly AnyPolicy[];

type All<U> = (U extends unknown ? (each: U) => void : never) extends (all: infer A) => void ? A : never;

/** The schemas of policies, by field. */
export type Shape<S extends Stack> = { readonly [P in S[number] as P["name"]]: ReturnType<P["schema"]> };

/** The settings of policies, by field. */
export type SettingsOf<S extends Stack> = z.output<z.ZodObject<Shape<S>, z.core.$strict>>;

type AnswersOf<P extends AnyPolicy> = P extends unknown ? P["answers"] : never;

/** The responses to the errors of policies. */
export type AllAnswersOf<S extends Stack> = All<AnswersOf<S[number]>>;

/** The gRPC statuses of those errors where the HTTP status does not suffice. */
export function grpcStatusesOf(stack: Stack): NonNullable<AnyPolicy["grpc"]> {
  // Of policies that share a tag, the first one's.
  return Object.assign({}, ...stack.toReversed().map(({ grpc }) => grpc)) as NonNullable<AnyPolicy["grpc"]>;
}

/** The configured policies, with their settings. */
export function configured<S extends Stack>(
  stack: S,
  settings: SettingsOf<S>,
): readonly (readonly [policy: AnyPolicy, settings: unknown])[] {
  return stack.flatMap((policy: AnyPolicy) => {
    const its = (settings as Readonly<Record<string, unknown>>)[policy.name];
    return its === undefined ? [] : [[policy, its] as const];
  });
}

type LayerOf<P extends AnyPolicy> = P extends unknown ? Exclude<ReturnType<P["layer"]>, undefined> : never;
type Needs<L> =
  L extends Layer<infer N, unknown, unknown, unknown, HttpResponse, HttpResponse>
    ? (needs: N) => void
    : never;
type AllParameters<F> = [F] extends [(all: infer A) => void] ? A : never;

/** What requests must carry in a place. */
type NeedsOf<S extends Stack> = AllParameters<Needs<LayerOf<S[number]>>>;

/**
 * The combined layer of all policies of a stack. Whatever they handle, it handles no errors: each of
 * them may be absent.
 */
export type StackLayer<S extends Stack> = Layer<
  NeedsOf<S>,
  unknown,
  FailsOf<LayerOf<S[number]>>,
  never,
  HttpResponse,
  HttpResponse
>;

/** What a place has besides the common context. */
type OwnOf<At extends PolicyPlace> = Omit<EnvironmentAt[At], keyof Environment>;

/** Lets the calls of a policy pass again; see `reset` of {@link AnyPolicy}. */
export interface PolicyReset {
  readonly policy: string;
  readonly run: () => boolean;
}

/** A place where policies stand. */
export interface Place extends Pick<Environment, "place" | "log" | "classifier" | "clock" | "random"> {
  /** The files that the configuration refers to, by the paths in it. */
  readonly files: ReadonlyMap<string, string>;
  readonly place: string;
  readonly log: Logger;
  readonly classifier: Classifier;
  readonly events: EventMetrics;
  readonly durations: LayerDurations;
  /** The labels of the events counted here. */
  readonly labels: Readonly<Record<string, string>>;
  readonly states: States;
  /** Registers a function that reports why calls do not pass here now. */
  readonly blockedReasons?: (() => BlockedReason | undefined)[];
  /** Registers a function that lets calls pass here again. */
  readonly resets?: PolicyReset[];
  /** Registers a function to run when the layers created here are gone. */
  readonly atEnd: (run: () => void) => void;
}

/**
 * Combines the layers of the policies configured in one place into one. Its errors are those of all
 * policies that may stand there.
 */
export function policyLayer<At extends PolicyPlace>(
  policies: Pick<PolicyRegistry, At | "sharedTags">,
  at: At,
  settings: SettingsOf<PolicyRegistry[At]>,
  place: Place & OwnOf<At>,
): StackLayer<PolicyRegistry[At]> {
  const environment = environmentOf(settings as Readonly<Record<string, unknown>>, place);
  const named = <T>(policy: AnyPolicy, run: () => T): T => runPolicy(policy, place.place, run);
  const layers = configured(policies[at], settings).flatMap(([policy, its]) => {
    const kept = named(policy, () => environment.keptBy(policy));
    if (policy.blockedReason !== undefined) place.blockedReasons?.push(() => blockedReason(policy, kept));
    if (policy.reset !== undefined)
      place.resets?.push({
        policy: policy.name,
        run: () => reset(policy, kept, place),
      });
    const layer: unknown = named(policy, () => policy.layer(its, environment, kept));
    if (layer === undefined) return [];
    const shared = policies.sharedTags.get(policy);
    const made = layer as (inner: unknown) => unknown;
    return [[policy, shared === undefined ? made : marking(policy, shared, made)] as const];
  });
  const whole = (inner: unknown): unknown =>
    layers.reduceRight((service, [policy, layer]) => named(policy, () => layer(service)), inner);
  // Errors that a layer handles do not come out, and the rest of the stack sees nothing that a layer
  // adds to requests: so this type holds, whichever of them are configured.
  return whole as unknown as StackLayer<PolicyRegistry[At]>;
}

/** For operators, whom a defect of a policy must not cost the worker. */
function blockedReason(policy: AnyPolicy, kept: unknown): BlockedReason | undefined {
  try {
    const reason = policy.blockedReason?.(kept);
    return typeof reason === "string" ? { cause: reason } : reason;
  } catch (error) {
    return { cause: `${policy.name}: blockedReason failed: ${errorText(error)}` };
  }
}

/** The same for a reset. */
function reset(policy: AnyPolicy, kept: unknown, { log, place }: Place): boolean {
  try {
    return policy.reset?.(kept) ?? false;
  } catch (err) {
    log.error({ policy: policy.name, place, err }, "defect while resetting a policy");
    return false;
  }
}

function environmentOf(settings: Readonly<Record<string, unknown>>, place: Place): Environment {
  const {
    events,
    durations,
    files,
    labels,
    states,
    atEnd,
    blockedReasons: _,
    resets: _resets,
    ...rest
  } = place;
  const ending = events.until(atEnd);
  const environment: Environment = {
    ...rest,
    file(name) {
      const text = files.get(name);
      if (text !== undefined) return text;
      throw new Error(`${name} is not among the files of the policy`);
    },
    observe: <Observer extends object>(its: Events<Observer>, also?: Observer) =>
      observed({ metrics: ending, labels, clock: place.clock }, its, also),
    timed: (layer, results) => durations.of(layer, results, labels, atEnd),
    settingsOf: (policy) => settings[(policy as AnyPolicy).name] as never,
    keptBy(policy) {
      const { name, state } = policy as AnyPolicy;
      const its = settings[name];
      if (its === undefined || state === undefined) return undefined;
      return states.hold(
        `${name}, ${place.place}`,
        state.boundTo(its, environment),
        () => state.create(its, environment) as never,
        atEnd,
      );
    },
  };
  return environment;
}
