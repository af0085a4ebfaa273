import type { PeerCertificate } from "@pagoda/http";
import { describe, expect, test } from "vitest";
import { client, pass, requestWith } from "./bench.ts";

const certificate: PeerCertificate = {
  subject: 'CN=cart,O="Shop, Inc."',
  uris: ["spiffe://mesh/cart"],
  names: ["cart.test", "cart"],
  sha256: "ab12",
};
const formatted =
  'Hash=ab12;Subject="CN=cart,O=\\"Shop, Inc.\\"";URI=spiffe://mesh/cart;DNS=cart.test;DNS=cart';

/** Returns the forwarded headers of a peer with this certificate and this header. */
async function passedOn(
  shown: PeerCertificate | undefined,
  claimed: string | undefined,
  trust?: (address: string) => boolean,
): Promise<readonly string[]> {
  const fields: [string, string][] = claimed === undefined ? [] : [["X-Forwarded-Client-Cert", claimed]];
  const request = { ...requestWith(fields), peer: { ...client, certificate: shown } };
  const { inner } = await pass(request, trust === undefined ? {} : { trust });
  return inner.headers.all("x-forwarded-client-cert");
}

describe("X-Forwarded-Client-Cert", () => {
  test("describes the peer's certificate", async () => {
    expect(await passedOn(certificate, undefined)).toEqual([formatted]);
  });

  test("is removed if the peer has no certificate", async () => {
    expect(await passedOn(undefined, undefined)).toEqual([]);
    expect(await passedOn(undefined, "Hash=forged")).toEqual([]);
    expect(await passedOn(certificate, "Hash=forged")).toEqual([formatted]);
  });

  test("keeps the entries of a trusted peer, with or without a certificate", async () => {
    expect(await passedOn(certificate, "Hash=client", () => true)).toEqual(["Hash=client", formatted]);
    expect(await passedOn(undefined, "Hash=client", () => true)).toEqual(["Hash=client"]);
  });

  test.each([
    ["delimiters in a name", { uris: ["spiffe://a/b;c=d,e"] }, 'Hash=ab12;URI="spiffe://a/b;c=d,e"'],
    ["quotes and backslashes", { subject: 'CN=a"b\\c' }, 'Hash=ab12;Subject="CN=a\\"b\\\\c"'],
    [
      "characters not allowed in headers",
      { subject: "CN=zo\u00eb\r\nX: y" },
      'Hash=ab12;Subject="CN=zo%C3%AB%0D%0AX: y"',
    ],
    ["a lone surrogate", { subject: "CN=\ud800" }, 'Hash=ab12;Subject="CN=%EF%BF%BD"'],
  ])("escapes %s", async (_name, part, value) => {
    const bare = { subject: "", uris: [], names: [], sha256: "ab12" };
    expect(await passedOn({ ...bare, ...part }, undefined)).toEqual([value]);
  });
});
