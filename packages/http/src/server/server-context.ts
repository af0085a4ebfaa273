import type { Either } from "@pagoda/core";
import type { HttpRequest, HttpResponse, Peer } from "../message.ts";
import type { Backlog } from "./backlog.ts";
import type { Limits } from "./client-limits.ts";
import type { HttpDate } from "./http-date.ts";
import type { Refusal } from "./refusal.ts";
import type { Tunnels } from "./tunnels.ts";

/** The server as seen by its connections. */
export interface ServerContext {
  readonly scheme: "http" | "https";
  /** Whether the server accepts no new requests. */
  readonly draining: boolean;
  readonly tunnels: Tunnels;
  /** The current time limits for clients. */
  readonly limits: Limits;
  readonly backlog: Backlog;
  readonly date: HttpDate;
  /** Calls the stack. A synchronous throw becomes a rejection, since it is a defect, too. */
  call(request: HttpRequest, signal: AbortSignal): Promise<Either<never, HttpResponse>>;
  /**
   * Count a request that has arrived, and one whose response was sent completely or never will be.
   */
  began(): void;
  ended(): void;
  /** @param isCalled Whether the stack has the request and sees its end. Default: it has not. */
  refused(refusal: Refusal, client: Pick<Peer, "address">, isCalled?: boolean): void;
  defect(cause: unknown, request: HttpRequest): void;
}
