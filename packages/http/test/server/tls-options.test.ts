import { type Either, service } from "@pagoda/core";
import type { HttpRequest, HttpResponse } from "@pagoda/http";
import { serve, type ServerTls } from "@pagoda/http/server";
import { testAuthority } from "@pagoda/http/testing";
import { describe, expect, test } from "vitest";

const authority = testAuthority();
const a = authority.issue();

describe("invalid TLS settings are refused", () => {
  const other = authority.issue();
  const rows: [string, Partial<ServerTls>, string][] = [
    [
      "no certificate",
      { certificates: [] },
      "tls.certificates must be a list of at least one certificate (got [])",
    ],
    [
      "an invalid certificate",
      { certificates: [{ ...a, certificate: "x" }] },
      "tls.certificates[0] must be a certificate in PEM",
    ],
    [
      "an invalid key",
      { certificates: [a, { ...a, key: "x" }] },
      "tls.certificates[1] must be accepted by OpenSSL: ",
    ],
    [
      "a key of another certificate",
      { certificates: [{ ...a, key: other.key }] },
      "tls.certificates[0] must be accepted by OpenSSL: ",
    ],
    [
      "ticket keys that are too short",
      { ticketKeys: new Uint8Array(32) },
      "length of tls.ticketKeys must be 48 (got 32)",
    ],
    ["invalid ciphers", { ciphers: "x" }, "tls.ciphers must be accepted by OpenSSL: "],
    [
      "an invalid authority",
      { clients: { ca: "x", required: true } },
      "tls.clients.ca must be a certificate in PEM",
    ],
  ];
  test.each(rows)("%s", async (_name, tls, message) => {
    const stack = service("never", (_: HttpRequest) => new Promise<Either<never, HttpResponse>>(() => {}));
    expect(() => serve(stack, { tls: { certificates: [a], ...tls } })).toThrow(message);
  });
});
