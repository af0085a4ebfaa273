import type { Aborted, Classifier, Fault, Replayable, Service } from "@pagoda/core";
import { faultClassifier } from "@pagoda/core";
import type { Body, HttpRequest, HttpResponse } from "@pagoda/http";
import type { Either } from "fp-ts/lib/Either.js";
import type { Content } from "./content.ts";

/** What callers ask: an HTTP request for the one layer that looks at it as such, the router. */
export interface Request extends Replayable, HttpRequest {
  readonly id: number;
  /** Whose request it is. */
  readonly key: string;
  readonly body: Body;
  /** What the reader of the body must get. */
  readonly content: Content;
}

/** What origins answer: an HTTP response for the router. */
export interface Answer extends HttpResponse {
  /** The request's. */
  readonly id: number;
}

/** The origin cannot take more; it is well otherwise. */
export interface Busy extends Fault<"Busy"> {}
/** The origin has failed at the call. */
export interface Failed extends Fault<"Failed"> {}
/** The origin is starting, or has stopped while the call was under way. */
export interface Down extends Fault<"Down"> {}
/** The request's body did not come as a whole. */
export interface BodyLost extends Fault<"BodyLost"> {
  readonly origin: "local";
}

export type OriginFault = Busy | Failed | Down | BodyLost | Aborted;

export type Result = Either<Fault, Answer>;
/** The stacks are composed with their types and then called as this. */
export type Stack = Service<Request, Answer, Fault>;

/** A mistake in an origin's program: the one thing that a promise may reject with here. */
export const defect: Error = new Error("a simulated defect");

/** Like a protocol's classifier: a busy origin asks for fewer calls. */
export const classifier: Classifier = {
  outcome(result) {
    const outcome = faultClassifier.outcome(result);
    const isBusy = result._tag === "Left" && (result.left as Fault)._tag === "Busy";
    return isBusy ? { ...outcome, kind: "limited" } : outcome;
  },
  discard() {},
};
