import { execFileSync } from "node:child_process";
import { chownSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { serviceConformance } from "@pagoda/core/testing";
import { idempotent } from "@pagoda/core";
import { Pool } from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { database, queries, type Query } from "../src/postgres.ts";
import { find, launch, type Launched, skipWithout } from "./programs.ts";

/** PostgreSQL refuses to run as root, and its package has a user for it. */
const user = process.getuid?.() === 0 && find("postgres") ? idOf("postgres") : undefined;
const identity = user === undefined ? {} : { uid: user, gid: user };
let folder: string;
let server: Launched | undefined;

function idOf(name: string): number {
  return Number(execFileSync("id", ["-u", name], { encoding: "utf8" }));
}

async function startServer(): Promise<void> {
  server = launch("postgres", ["-D", folder, "-k", folder, "-c", "listen_addresses="], {
    ...identity,
    stdio: ["ignore", "ignore", "pipe"],
  });
  for await (const line of createInterface({ input: server.child.stderr as Readable }))
    if (line.includes("ready to accept connections")) return;
  throw new Error("PostgreSQL ended before it was ready");
}

beforeAll(async () => {
  if (find("postgres") === undefined) return;
  folder = mkdtempSync(join(tmpdir(), "pagoda-postgres-"));
  if (user !== undefined) chownSync(folder, user, user);
  const initdb = join(find("postgres") as string, "../initdb");
  const options = ["--auth=trust", "--username=postgres", "--no-sync", "--no-locale", "--encoding=UTF8"];
  execFileSync(initdb, ["-D", folder, ...options], { ...identity, stdio: "ignore" });
  await startServer();
});

afterAll(async () => {
  if (server === undefined) return;
  await server.end();
  rmSync(folder, { recursive: true });
});

beforeEach(({ skip }) => skipWithout(skip, "postgres"));

interface Connected {
  readonly pool: Pool;
  close(): Promise<void>;
}

function connected(max = 4): Connected {
  const options = "-c default_transaction_isolation=serializable";
  const pool = new Pool({ host: folder, user: "postgres", database: "postgres", max, options });
  // The pool replaces idle connections that break.
  pool.on("error", () => {});
  return { pool, close: () => pool.end() };
}

function poolOf(max?: number): Pool {
  const { pool, close } = connected(max);
  onTestFinished(close);
  return pool;
}

const query = (text: string, ...values: unknown[]): Query => ({ text, values, replay: idempotent });
const sleep = query("SELECT pg_sleep(600)");

describe("queries of pg", () => {
  serviceConformance(test, () => {
    const { pool, close } = connected();
    return {
      service: queries(pool),
      request: () => query("SELECT 1"),
      failing: () => query("SELECT nothing"),
      unanswered: () => sleep,
      close,
    };
  });

  test("return the result", async () => {
    const result = await queries(poolOf()).call(query("SELECT $1::int + 1 AS sum", 2));
    expect(result).toMatchObject({ right: { rows: [{ sum: 3 }] } });
  });

  test("fail with typed errors", async () => {
    const db = queries(poolOf());
    await db.call(query("CREATE TABLE lamps (id int CONSTRAINT lamp_id PRIMARY KEY)"));
    await db.call(query("INSERT INTO lamps VALUES (1)"));
    expect(await db.call(query("INSERT INTO lamps VALUES (1)"))).toMatchObject({
      left: { _tag: "Duplicate", origin: "local", retryable: false, constraint: "lamp_id" },
    });
    expect(await db.call(query("SELECT nothing"))).toMatchObject({
      left: { _tag: "QueryRefused", origin: "local", retryable: false, code: "42703" },
    });
  });

  test("that are aborted are cancelled in the database, and their connection stays", async () => {
    const pool = poolOf();
    const db = queries(pool);
    const controller = new AbortController();
    const result = db.call(sleep, controller.signal);
    const active = async (): Promise<number> => {
      const found = await pool.query(
        "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT pg_sleep%'",
      );
      return found.rowCount ?? 0;
    };
    while ((await active()) === 0);
    const { totalCount } = pool;
    controller.abort();
    expect(await result).toMatchObject({ left: { _tag: "Aborted" } });
    expect(await active()).toBe(0);
    expect(pool.totalCount).toBe(totalCount);
    expect(pool.idleCount).toBe(totalCount);
  });

  test("whose connection is terminated fail as unavailable, and the connection is replaced", async () => {
    const pool = poolOf();
    const db = queries(pool);
    const result = db.call(sleep);
    const terminate =
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT pg_sleep%'";
    while ((await pool.query(terminate)).rowCount === 0);
    expect(await result).toMatchObject({
      left: { _tag: "DatabaseUnavailable", origin: "upstream", retryable: true },
    });
    expect(await db.call(query("SELECT 1"))).toMatchObject({ _tag: "Right" });
  });
});

describe("the database example", () => {
  test("repeats a query that a concurrent transaction was in the way of", async () => {
    const pool = poolOf();
    await pool.query("CREATE TABLE stock (n int); INSERT INTO stock VALUES (0)");
    const db = database(pool, { timeoutMs: 600_000 });
    const other = await pool.connect();
    await other.query("BEGIN");
    await other.query("UPDATE stock SET n = n + 1");
    const result = db.call(query("UPDATE stock SET n = n + 1 RETURNING n"));
    const waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    while ((await pool.query(waiting)).rowCount === 0);
    // The query has read the old row, so it fails and must start again.
    await other.query("COMMIT");
    other.release();
    expect(await result).toMatchObject({ right: { rows: [{ n: 2 }] } });
  });

  test("limits the time of a query, and cancels it", async () => {
    expect(await database(poolOf(), { timeoutMs: 1 }).call(sleep)).toMatchObject({
      left: { _tag: "TimedOut" },
    });
  });

  test("refuses a query for which there is no connection", async () => {
    const db = database(poolOf(2), { timeoutMs: 600_000 });
    const controller = new AbortController();
    const first = db.call(sleep, controller.signal);
    expect(await db.call(query("SELECT 1"))).toMatchObject({ left: { _tag: "ConcurrencyLimited" } });
    controller.abort();
    expect(await first).toMatchObject({ left: { _tag: "Aborted" } });
  });

  test("spares a database that is down", async () => {
    const pool = new Pool({ host: join(folder, "nowhere"), user: "postgres", max: 2 });
    onTestFinished(() => pool.end());
    const db = database(pool, { timeoutMs: 600_000 });
    const tags = [];
    for (let n = 0; n < 10; n++)
      tags.push(((await db.call(query("SELECT 1"))) as { left: { _tag: string } }).left._tag);
    expect(tags[0]).toBe("DatabaseUnavailable");
    expect(tags).toContain("CircuitOpen");
  });
});
