// The types of our packages that the page reaches through the recorder: their sources are for Node, which a browser is not.
declare module "@pagoda/core" {
  export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

  export interface Fault {
    readonly _tag: string;
    readonly origin: "local" | "upstream";
    readonly retryable: boolean;
    readonly cause?: unknown;
  }
}

declare module "@pagoda/router" {
  export interface MatchExplanation {
    readonly lostBy?: "host" | "path" | "methods" | "headers" | "query" | "order" | undefined;
  }
}
