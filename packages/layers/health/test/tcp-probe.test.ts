import { getEventListeners } from "node:events";
import type { Socket } from "node:net";
import { describe, expect, test } from "vitest";
import { tcpProbe } from "@pagoda/health";
import { unconnected } from "../src/tcp-probe.ts";
import { closedPort, endpoint, said, tcpServer } from "./servers.ts";

describe("tcpProbe", () => {
  test("succeeds if the connection is accepted, and closes it at once", async () => {
    const closed = Promise.withResolvers<void>();
    const port = await tcpServer((socket: Socket) => socket.on("close", () => closed.resolve()).resume());
    const { signal } = new AbortController();
    expect(await said(tcpProbe({ address: () => ({ host: "127.0.0.1", port }) }), signal)).toBe("well");
    expect(getEventListeners(signal, "abort")).toEqual([]);
    await closed.promise;
  });

  test("fails with the code of a refused connection", async () => {
    const port = await closedPort();
    const refused = "cannot connect: ECONNREFUSED";
    expect(await said(tcpProbe({ address: () => ({ host: "127.0.0.1", port }) }))).toBe(refused);
    // A name with several addresses, each of which fails.
    expect(await said(tcpProbe({ address: () => ({ host: "localhost", port }) }))).toBe(refused);
  });

  test("defect: local failures counted against the endpoint", () => {
    for (const code of ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "EADDRNOTAVAIL", "EACCES", "EPERM"]) {
      const cause = Object.assign(new Error(), { code });
      expect(unconnected(cause)).toMatchObject({
        left: { origin: "local", reason: `cannot connect: ${code}` },
      });
    }
    const refused = Object.assign(new Error(), { code: "ECONNREFUSED" });
    expect(unconnected(refused)).toMatchObject({ left: { origin: "upstream" } });
  });

  test("connects to the endpoint's address", async () => {
    const port = await tcpServer(() => {});
    const seen: unknown[] = [];
    const probe = tcpProbe({
      address(each) {
        seen.push(each);
        return { host: "127.0.0.1", port };
      },
    });
    await said(probe);
    expect(seen).toEqual([endpoint]);
  });

  test("a pending connection is given up with the check", async () => {
    const port = await tcpServer(() => {});
    const probe = tcpProbe({ address: () => ({ host: "127.0.0.1", port }) });
    const leaving = new AbortController();
    const result = said(probe, leaving.signal);
    leaving.abort();
    expect(await result).toBe("local: aborted");
    expect(await said(probe, leaving.signal)).toBe("local: aborted");
  });

  test("an invalid address is a defect", async () => {
    const probe = tcpProbe({ address: () => ({ host: "127.0.0.1", port: 65_536 }) });
    await expect(probe(endpoint, new AbortController().signal)).rejects.toThrow("65536");
  });
});
