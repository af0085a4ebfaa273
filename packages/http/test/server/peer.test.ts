import { spawnSync } from "node:child_process";
import type { Socket } from "node:net";
import { text } from "@pagoda/http";
import { expect, test } from "vitest";
import { peerOf } from "../../src/server/peer.ts";
import { served } from "./served.ts";

test.each([
  ["192.0.2.50", "192.0.2.50"],
  ["::ffff:192.0.2.50", "192.0.2.50"],
  ["2001:db8::1", "2001:db8::1"],
  ["fe80::1%eth0", "fe80::1"],
  [undefined, ""],
])("defect: a peer at %s did not have the address %s", (remoteAddress, address) => {
  const socket: Partial<Socket> = { remoteAddress, remotePort: 50_123 };
  expect(peerOf(socket as Socket)).toEqual({ address, port: 50_123 });
});

test.each([
  ["one protocol", ["http1"]],
  ["two protocols", ["http1", "http2"]],
] as const)(
  "defect: with %s, a client that had reset its connection had no address",
  async (_, protocols) => {
    const seen: unknown[] = [];
    const server = await served(
      ({ peer, path }) => {
        seen.push([path, peer?.address]);
        return text("ok");
      },
      { protocols },
    );
    const { host, port } = server;
    const script = `
    const socket = require("node:net").connect(${port}, "${host}", () =>
      socket.write("POST /reset HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: 0\\r\\n\\r\\n", () => socket.resetAndDestroy()));`;
    // spawnSync blocks, so nothing is accepted meanwhile.
    expect(spawnSync(process.execPath, ["-e", script]).status).toBe(0);
    expect((await fetch(`${server.url}/other`)).status).toBe(200);
    expect(seen).toEqual([["/other", "127.0.0.1"]]);
  },
);
