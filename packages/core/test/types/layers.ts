// Layers as types alone, for the programs that the tests compile: a word of each kind that a layer can say.
import type { Fault, Layer, Service } from "@pagoda/core";

export interface HttpRequest {
  readonly method: string;
  readonly path: string;
}
export interface HttpResponse {
  readonly status: number;
}
export interface Routed {
  readonly route: string;
}

export interface TimedOut extends Fault<"TimedOut"> {}
export interface NoRoute extends Fault<"NoRoute"> {}
export interface RateLimited extends Fault<"RateLimited"> {}
export interface Refused extends Fault<"Refused"> {}

/** Raises. */
export declare function timeout(ms: number): Layer<unknown, unknown, TimedOut>;
/** Needs, adds and raises. */
export declare function router(): Layer<HttpRequest, Routed, NoRoute>;
/** Needs. */
export declare function retry(): Layer<Routed>;
/** Needs whatever its callback reads, and raises. */
export declare function rateLimit<Req>(options: {
  readonly key: (request: Req) => string;
}): Layer<Req, unknown, RateLimited>;
/** Handles what the table names, and yields. */
export declare function respond<const Tag extends string>(
  table: Readonly<Record<Tag, number>>,
): Layer<unknown, unknown, never, Fault<Tag>, HttpResponse>;
/** Does nothing to the types. */
export declare function metrics(): Layer;
/** Yields. */
export declare function cached(): Layer<HttpRequest, unknown, never, never, "from the cache">;

export declare const origin: Service<HttpRequest, HttpResponse, Refused>;
/** What a listener serves: no error may be left. */
export declare function serve(stack: Service<HttpRequest, HttpResponse, never>): void;

/** True where two types are the same, and not merely assignable to each other. */
export type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
