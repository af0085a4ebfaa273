import type { Aborted, Classifier, Either, Fault, Replayable, Service } from "@pagoda/core";
import { faultClassifier } from "@pagoda/core";
import type { Body, HttpRequest, HttpResponse } from "@pagoda/http";
import type { Content } from "./content.ts";

/** What callers send. It is an HTTP request only for the sake of the router. */
export interface Request extends Replayable, HttpRequest {
  readonly id: number;
  /** The client. */
  readonly key: string;
  readonly body: Body;
  /** What the origin must read from the body. */
  readonly content: Content;
}

/** What origins return. It is an HTTP response only for the sake of the router. */
export interface Answer extends HttpResponse {
  /** The id of the request that it answers. */
  readonly id: number;
}

/** The origin is at capacity, otherwise healthy. */
export interface Busy extends Fault<"Busy"> {}
/** The origin failed to process the call. */
export interface Failed extends Fault<"Failed"> {}
/** The origin is down or stopped during the call. */
export interface Down extends Fault<"Down"> {}
/** The request's body broke off. */
export interface BodyLost extends Fault<"BodyLost"> {
  readonly origin: "local";
}

export type OriginFault = Busy | Failed | Down | BodyLost | Aborted;

export type Result = Either<Fault, Answer>;
/** Stacks are composed with their own types and then called as this one. */
export type Stack = Service<Request, Answer, Fault>;

/** A simulated bug of an origin: the only reason for which a promise may reject here. */
export const defect: Error = new Error("a simulated defect");

/** Like the classifier of a protocol: `Busy` asks for fewer calls. */
export const classifier: Classifier = {
  outcome(result) {
    const outcome = faultClassifier.outcome(result);
    const isBusy = result._tag === "Left" && (result.left as Fault)._tag === "Busy";
    return isBusy ? { ...outcome, kind: "limited" } : outcome;
  },
  discard() {},
};
