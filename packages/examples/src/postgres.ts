// A database client: queries of a pg pool as a service, with typed errors.
import { type CircuitOpen, circuitBreaker } from "@pagoda/circuit-breaker";
import { type ConcurrencyLimited, concurrencyLimit } from "@pagoda/concurrency-limit";
import {
  type Aborted,
  aborted,
  type Either,
  type Fault,
  left,
  type Replayable,
  right,
  service,
  type Service,
  ServiceBuilder,
} from "@pagoda/core";
import { retry } from "@pagoda/retry";
import { timeout, type TimedOut } from "@pagoda/timeout";
import { DatabaseError, type Pool, type PoolClient, type QueryResult } from "pg";

export interface Query extends Replayable {
  readonly text: string;
  readonly values?: readonly unknown[];
}

/** The database refused the query; `code` is its SQLSTATE. */
export interface QueryRefused extends Fault<"QueryRefused"> {
  readonly code: string;
}

/** A row with that key exists already. */
export interface Duplicate extends Fault<"Duplicate"> {
  readonly constraint: string | undefined;
}

/** A concurrent transaction was in the way; the same query may succeed now. */
export interface Conflict extends Fault<"Conflict"> {}

/** The database could not be reached, or the connection broke. */
export interface DatabaseUnavailable extends Fault<"DatabaseUnavailable"> {}

export type QueryFault = QueryRefused | Duplicate | Conflict | DatabaseUnavailable;

/** Turns a pool into a service. An abort cancels the query in the database. */
export function queries(pool: Pool): Service<Query, QueryResult, QueryFault | Aborted> {
  return service(
    "postgres",
    async ({ text, values = [] }: Query, signal): Promise<Either<QueryFault | Aborted, QueryResult>> => {
      if (signal?.aborted) return left(aborted(signal));
      let client: PoolClient;
      try {
        client = await pool.connect();
      } catch (cause) {
        return left(unavailable(cause));
      }
      // A connection that breaks fails its query as well.
      const onError = (): void => {};
      client.on("error", onError);
      let cancelled: Promise<unknown> | undefined;
      const cancel = (): void => {
        cancelled = cancelOn(pool, client);
      };
      signal?.addEventListener("abort", cancel);
      let fault: QueryFault | undefined;
      try {
        if (signal?.aborted) return left(aborted(signal));
        return right(await client.query(text, [...values]));
      } catch (cause) {
        fault = faultOf(cause);
        return left(signal?.aborted ? aborted(signal) : fault);
      } finally {
        signal?.removeEventListener("abort", cancel);
        // A late cancellation must not hit the next query of this connection.
        await cancelled;
        client.off("error", onError);
        client.release(fault?._tag === "DatabaseUnavailable");
      }
    },
  );
}

/** The process in the database that serves a connection; the types of pg do not have it. */
function processOf(client: PoolClient): number | null {
  return (client as PoolClient & { readonly processID: number | null }).processID;
}

async function cancelOn(pool: Pool, client: PoolClient): Promise<void> {
  try {
    await pool.query("SELECT pg_cancel_backend($1)", [processOf(client)]);
  } catch {
    // The database is gone, and the query with it.
  }
}

/**
 * Makes a client that limits the time of a query, repeats it after conflicts and lost connections,
 * never waits for a connection, and spares a database that is down.
 */
export function database(
  pool: Pool,
  { timeoutMs = 1_000 }: { readonly timeoutMs?: number } = {},
): Service<
  Query,
  QueryResult,
  | QueryRefused
  | Duplicate
  | Conflict
  | DatabaseUnavailable
  | CircuitOpen
  | ConcurrencyLimited
  | TimedOut
  | Aborted
> {
  return (
    new ServiceBuilder<Query>()
      .layer(timeout({ ms: timeoutMs }))
      .layer(retry({ attempts: 3 }))
      .layer(circuitBreaker())
      // One connection is left for cancellations.
      .layer(concurrencyLimit({ limit: pool.options.max - 1 }))
      .service(queries(pool))
  );
}

function faultOf(cause: unknown): QueryFault {
  if (!(cause instanceof DatabaseError)) return unavailable(cause);
  const { code = "", constraint } = cause;
  switch (code) {
    case "23505":
      return { _tag: "Duplicate", origin: "local", retryable: false, constraint, cause };
    // Serialization failure, deadlock.
    case "40001":
    case "40P01":
      return { _tag: "Conflict", origin: "local", retryable: true, cause };
    default:
      // Connection exceptions, insufficient resources, shutdowns, system errors.
      return /^(?:08|53|57P|58)/.test(code)
        ? unavailable(cause)
        : { _tag: "QueryRefused", origin: "local", retryable: false, code, cause };
  }
}

function unavailable(cause: unknown): DatabaseUnavailable {
  return { _tag: "DatabaseUnavailable", origin: "upstream", retryable: true, cause };
}
