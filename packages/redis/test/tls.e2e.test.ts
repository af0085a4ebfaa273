import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testAuthority } from "@pagoda/http/testing";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { freePort, skipWithoutRedis, startRedis, withOptions } from "./redis-server.ts";
import { answered, watched } from "./watched.ts";

beforeEach(({ skip }) => skipWithoutRedis(skip));

const { ca, issue } = testAuthority();

/** A Redis with TLS that requires certificates of clients. */
async function startTls(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "pagoda-redis-tls-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const { certificate, key } = issue({ names: "DNS:redis.test" });
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const port = await freePort();
  await startRedis(
    ...withOptions({
      "tls-port": port,
      "tls-auth-clients": "yes",
      "tls-cert-file": file("cert.pem", certificate),
      "tls-key-file": file("key.pem", key),
      "tls-ca-cert-file": file("ca.pem", ca),
    }),
  );
  return `rediss://127.0.0.1:${port}`;
}

const client = issue({ subject: "CN=limits" });
const own = { cert: client.certificate, key: client.key };

test("TLS is used with a verified server and an own certificate", async () => {
  const url = await startTls();
  const { limits, next } = watched({
    url,
    tls: { ca, servername: "redis.test", ...own },
    timeoutMs: 10_000,
  });
  await next("connected");
  expect(await answered(limits)).toBe(1);
});

test.each([
  [
    "of another authority",
    { ca: testAuthority("other").ca, servername: "redis.test", ...own },
    /certificate/,
  ],
  ["of another name", { ca, servername: "other.test", ...own }, /other\.test/],
  ["that gets no certificate of the client", { ca, servername: "redis.test" }, /./],
])("a server %s is not connected to", async (_name, tls, reason) => {
  const url = await startTls();
  const { limits, next } = watched({ url, tls, timeoutMs: 10_000 });
  expect(await next("disconnected")).toMatch(reason);
  expect(limits.isConnected).toBe(false);
});
