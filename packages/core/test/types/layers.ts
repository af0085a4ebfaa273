// Layers and adapters as types only, for the programs that the tests compile: one for each type
// parameter.
import type { Adapter, Fault, Layer, Passes, Service } from "@pagoda/core";

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
export interface BadBody extends Fault<"BadBody"> {}
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
/** Accepts. */
export declare function metrics(): Layer<HttpRequest, unknown, never, never, never, HttpResponse>;
/** Yields. */
export declare function cached(): Layer<HttpRequest, unknown, never, never, "from the cache">;

/** Changes the response, and raises. */
export declare function json<T>(
  decode: (value: unknown) => T,
): Adapter<unknown, Passes<unknown>, HttpResponse, T, BadBody>;
/** Changes the request. */
export declare function url(): Adapter<string, HttpRequest, unknown, Passes<never>>;

export declare const origin: Service<HttpRequest, HttpResponse, Refused>;
export declare const numbers: Service<HttpRequest, number, Refused>;
/** Serves a stack, as a listener does: no error may be left. */
export declare function serve(stack: Service<HttpRequest, HttpResponse, never>): void;

/** True if two types are identical, not merely assignable to each other. */
export type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
