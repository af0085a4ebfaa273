import { createServer, type Socket, connect } from "node:net";
import { describe, expect, test } from "vitest";
import { authority } from "./certified.ts";
import { configured, Folder } from "./configured.ts";
import { listen } from "./origin.ts";
import { type Pagoda, until } from "./program.ts";
import { quietPort } from "./quiet-port.ts";
import { limited, Redis } from "./redis.ts";
import { localSpans, policy, StoreLoad } from "./store-load.ts";
import { execute, needs } from "./system.ts";

needs("redis-server", "redis-cli");

const labels = { store: "limits" };

/** Waits until all programs decide limits of their store by themselves, or no longer. */
async function localOn(programs: readonly Pagoda[], isLocal: boolean): Promise<void> {
  for (const pagoda of programs) {
    for (let at = 0; (localSpans(pagoda).at(-1)?.to === Infinity) !== isLocal; at = pagoda.logs.length)
      await pagoda.log((line) => pagoda.logs.indexOf(line) >= at);
  }
}

/** Two programs with a common limit for each client. */
async function twoPrograms(
  folder: Folder,
  store: object,
): Promise<readonly [Pagoda, Pagoda] & AsyncDisposable> {
  const config = limited({ timeout: "100ms", ...store }, policy);
  const one = await configured(folder, config);
  const other = await configured(folder, config);
  return Object.assign([one, other] as const, {
    async [Symbol.asyncDispose]() {
      await one[Symbol.asyncDispose]();
      await other[Symbol.asyncDispose]();
    },
  });
}

/**
 * A failure while calls come in, and its end, which needs no hand at the programs. Without `mend`, it
 * ends by itself.
 */
async function outage(
  programs: readonly Pagoda[],
  load: StoreLoad,
  { fail, mend, reason }: { fail(): unknown; mend?(): unknown; readonly reason: RegExp },
): Promise<void> {
  await load.more(2);
  await fail();
  await localOn(programs, true);
  for (const pagoda of programs)
    await pagoda.log(({ msg, reason: text }) => isUnreachable.test(msg) && reason.test(String(text)));
  // Calls go on during the failure.
  await load.more(4);
  const lasting = mend === undefined ? [] : programs;
  for (const pagoda of lasting) expect(await pagoda.metric("pagoda_store_local", labels)).toBe(1);
  await mend?.();
  await localOn(programs, false);
  await load.more(4);
}

/** Clients were decided with and without the store, and none was admitted too often. */
const limitedBoth = {
  remotely: expect.toSatisfy((count: number) => count > 0),
  locally: expect.toSatisfy((count: number) => count > 0),
  excesses: [],
};

const isUnreachable = /^limit store (?:still )?unreachable/;

/** The way to Redis, which can be slow, or answer by itself. */
interface Link {
  readonly url: string;
  delayMs: number;
  nonsense: string | undefined;
}

async function linkTo({ port }: Redis): Promise<Link & AsyncDisposable> {
  const server = createServer((socket) => {
    const redis = connect(port, "127.0.0.1");
    pass(socket, redis, () => link.nonsense !== undefined && socket.write(link.nonsense));
    pass(redis, socket, () => link.nonsense !== undefined);
  });
  const origin = await listen(server, await quietPort(), "redis");
  const link = Object.assign(origin, { delayMs: 0, nonsense: undefined as string | undefined });
  function pass(from: Socket, to: Socket, isAnswered: () => boolean): void {
    from.on("error", () => {}).on("close", () => to.destroy());
    from.on("data", (data) => {
      if (isAnswered()) return;
      if (link.delayMs === 0) to.write(data);
      else setTimeout(() => to.write(data), link.delayMs);
    });
  }
  return link;
}

test("a store that fails under load: calls are answered and limited, and it is used again", async () => {
  using folder = new Folder();
  await using redis = await Redis.start(folder);
  await using link = await linkTo(redis);
  await using programs = await twoPrograms(folder, { redis: [link.url] });
  const load = new StoreLoad(programs);
  const failures = {
    stopped: {
      fail: () => redis.signal("SIGSTOP"),
      mend: () => redis.signal("SIGCONT"),
      reason: /no reply within/,
    },
    slow: {
      fail: () => (link.delayMs = 150),
      mend: () => (link.delayMs = 0),
      reason: /no reply within 100 ms/,
    },
    "out of memory": {
      fail: () => redis.command("CONFIG", "SET", "maxmemory", "1"),
      mend: () => redis.command("CONFIG", "SET", "maxmemory", "0"),
      reason: /^OOM/,
    },
    "a replica": {
      fail: () => redis.command("REPLICAOF", "127.0.0.1", "1"),
      mend: () => redis.command("REPLICAOF", "NO", "ONE"),
      reason: /^READONLY/,
    },
    "talking nonsense": {
      fail: () => (link.nonsense = "*2\r\n:1\r\n$3\r\nabc\r\n"),
      mend: () => (link.nonsense = undefined),
      reason: /unexpected reply/,
    },
    "another protocol": {
      fail: () => (link.nonsense = "HTTP/1.1 400 Bad Request\r\n\r\n"),
      mend: () => (link.nonsense = undefined),
      reason: /./,
    },
    "killed, and restarted empty": {
      fail: () => redis.kill(),
      mend: () => redis.start(),
      reason: /ECONNREFUSED|closed/,
    },
  };
  for (const failure of Object.values(failures)) await outage(programs, load, failure);
  // Only the last failure loses what was kept.
  expect(await load.end(1)).toMatchObject(limitedBoth);
  for (const pagoda of programs) expect(await pagoda.metric("pagoda_store_connected", labels)).toBe(1);
});

describe("a store with TLS and a password", () => {
  const { certificate, key } = authority.issue({ names: "DNS:redis.test" });

  test("whose certificate expires or whose password changes is used again when that is mended", async () => {
    using folder = new Folder();
    const expired = authority.issue({ names: "DNS:redis.test", days: 0 });
    const tlsPort = await quietPort();
    await using redis = await Redis.start(
      folder,
      "--tls-port",
      String(tlsPort),
      "--tls-auth-clients",
      "no",
      "--tls-ca-cert-file",
      folder.write("ca.pem", authority.ca),
      "--tls-cert-file",
      folder.write("redis.pem", certificate),
      "--tls-key-file",
      folder.write("redis.key", key),
    );
    const password = folder.write("password", "swordfish");
    await redis.command("ACL", "SETUSER", "limits", "on", ">swordfish", "~*", "+@all");
    await using programs = await twoPrograms(folder, {
      redis: [`rediss://127.0.0.1:${tlsPort}`],
      username: "limits",
      passwordFile: password,
      tls: { ca: "ca.pem", servername: "redis.test" },
    });
    const load = new StoreLoad(programs);
    const use = async ({ certificate, key }: { readonly certificate: string; readonly key: string }) => {
      const files = [folder.write("redis.pem", certificate), folder.write("redis.key", key)] as const;
      await redis.command("CONFIG", "SET", "tls-cert-file", files[0], "tls-key-file", files[1]);
      await redis.command("CLIENT", "KILL", "USER", "limits");
    };
    await outage(programs, load, {
      fail: () => use(expired),
      mend: () => use({ certificate, key }),
      reason: /certificate has expired/,
    });
    for (const pagoda of programs) expect(pagoda.output).not.toContain("swordfish");
    await outage(programs, load, {
      async fail() {
        await redis.command("ACL", "SETUSER", "limits", "resetpass", ">carp");
        await redis.command("CLIENT", "KILL", "USER", "limits");
      },
      // The programs watch the file.
      mend: () => folder.write("password", "carp"),
      reason: /^WRONGPASS/,
    });
    expect(await load.end()).toMatchObject(limitedBoth);
  });
});

test("limits follow a fail-over by sentinels under load", async () => {
  using folder = new Folder();
  await using master = await Redis.start(folder);
  const { port } = master;
  const replicates = ["--replicaof", "127.0.0.1", String(port), "--repl-diskless-sync-delay", "0"];
  await using replica = await Redis.start(folder, ...replicates);
  await until(
    () => replica.command("INFO", "replication"),
    (info) => info.includes("master_link_status:up"),
  );
  await using sentinel = await Redis.sentinel(folder, master);
  await until(
    () => sentinel.command("SENTINEL", "REPLICAS", "limits"),
    (replicas) => replicas.includes(String(replica.port)),
  );
  await using programs = await twoPrograms(folder, {
    redis: [sentinel.url],
    mode: "sentinel",
    master: "limits",
  });
  const load = new StoreLoad(programs);
  await outage(programs, load, {
    fail: () => master.kill(),
    reason: /ECONNREFUSED|closed|lost/,
  });
  expect(await load.end()).toMatchObject({ ...limitedBoth, locally: expect.any(Number) });
  expect(await replica.command("ROLE")).toMatch(/^master/);
});

test("limits stay in a cluster while a slot moves, and without one of its masters", async () => {
  using folder = new Folder();
  const start = async (): Promise<Redis> => {
    const busPort = String(await quietPort());
    const file = `nodes-${busPort}.conf`;
    const options = ["--cluster-port", busPort, "--cluster-config-file", file];
    return Redis.start(
      folder,
      "--cluster-enabled",
      "yes",
      ...options,
      "--cluster-require-full-coverage",
      "no",
    );
  };
  await using one = await start();
  await using other = await start();
  const halves = [
    [one, 0, 8_191],
    [other, 8_192, 16_383],
  ] as const;
  for (const [node, from, to] of halves)
    await node.command("CLUSTER", "ADDSLOTSRANGE", String(from), String(to));
  const otherBus = await other.command("CONFIG", "GET", "cluster-port");
  await one.command("CLUSTER", "MEET", "127.0.0.1", String(other.port), otherBus.split("\n")[1] as string);
  for (const node of [one, other])
    await until(
      () => node.command("CLUSTER", "INFO"),
      (info) => info.includes("cluster_state:ok") && info.includes("cluster_slots_ok:16384"),
    );
  await using programs = await twoPrograms(folder, { redis: [one.url, other.url], mode: "cluster" });
  const load = new StoreLoad(programs);
  await load.more(4);
  const id = (node: Redis): Promise<string> => node.command("CLUSTER", "MYID");
  const [from, to] = [await id(one), await id(other)];
  const move = ["--cluster-from", from, "--cluster-to", to, "--cluster-slots", "64", "--cluster-yes"];
  const moved = await execute("redis-cli", ["--cluster", "reshard", `127.0.0.1:${one.port}`, ...move]);
  expect(moved).toMatchObject({ code: 0 });
  await load.more(8);
  await outage(programs, load, {
    fail: () => other.kill(),
    mend: () => other.start(),
    reason: /ECONNREFUSED/,
  });
  expect(await load.end(1)).toMatchObject(limitedBoth);
});
