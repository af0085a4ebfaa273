import type { Socket } from "node:net";
import { expect, test } from "vitest";
import { peerOf } from "../../src/server/peer.ts";

test.each([
  ["192.0.2.50", "192.0.2.50"],
  ["::ffff:192.0.2.50", "192.0.2.50"],
  ["2001:db8::1", "2001:db8::1"],
  ["fe80::1%eth0", "fe80::1"],
  [undefined, ""],
])("defect: a peer at %s had another address than %s", (remoteAddress, address) => {
  const socket: Partial<Socket> = { remoteAddress, remotePort: 50_123 };
  expect(peerOf(socket as Socket)).toEqual({ address, port: 50_123 });
});
