import type { Either } from "fp-ts/lib/Either.js";
import type { HttpRequest, HttpResponse } from "../message.ts";
import type { Backlog } from "./backlog.ts";
import type { Limits } from "./client-limits.ts";
import type { Refusal } from "./refusal.ts";
import type { Tunnels } from "./tunnels.ts";

/** What the connections of a server need of it. */
export interface Side {
  readonly scheme: "http" | "https";
  /** Nothing new is wanted. */
  readonly draining: boolean;
  readonly tunnels: Tunnels;
  /** The time limits for clients as they are now. */
  readonly limits: Limits;
  readonly backlog: Backlog;
  /** Calls the stack. What it throws becomes a rejection: that is a defect, too. */
  call(request: HttpRequest, signal: AbortSignal): Promise<Either<never, HttpResponse>>;
  /** A request has come; its response has gone out as a whole, or will not. */
  began(): void;
  ended(): void;
  refused(refusal: Refusal): void;
  defect(cause: unknown, request: HttpRequest): void;
}
