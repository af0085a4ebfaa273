import type { PeerCertificate } from "@pagoda/http";
import { describe, expect, test } from "vitest";
import { client, pass, requestWith } from "./bench.ts";

const certificate: PeerCertificate = {
  subject: 'CN=cart,O="Shop, Inc."',
  uris: ["spiffe://mesh/cart"],
  names: ["cart.test", "cart"],
  sha256: "ab12",
};
const told = 'Hash=ab12;Subject="CN=cart,O=\\"Shop, Inc.\\"";URI=spiffe://mesh/cart;DNS=cart.test;DNS=cart';

/** What is passed on, of a peer with that certificate, or none, that claims something. */
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
  test("is what the peer has shown", async () => {
    expect(await passedOn(certificate, undefined)).toEqual([told]);
  });

  test("is nothing where it has shown none, whatever it claims", async () => {
    expect(await passedOn(undefined, undefined)).toEqual([]);
    expect(await passedOn(undefined, "Hash=forged")).toEqual([]);
    expect(await passedOn(certificate, "Hash=forged")).toEqual([told]);
  });

  test("of a trusted peer comes first, and stays where that has shown none", async () => {
    expect(await passedOn(certificate, "Hash=client", () => true)).toEqual(["Hash=client", told]);
    expect(await passedOn(undefined, "Hash=client", () => true)).toEqual(["Hash=client"]);
  });

  test.each([
    ["delimiters in a name", { uris: ["spiffe://a/b;c=d,e"] }, 'Hash=ab12;URI="spiffe://a/b;c=d,e"'],
    ["quotes and backslashes", { subject: 'CN=a"b\\c' }, 'Hash=ab12;Subject="CN=a\\"b\\\\c"'],
    [
      "what a field cannot carry",
      { subject: "CN=zo\u00eb\r\nX: y" },
      'Hash=ab12;Subject="CN=zo%C3%AB%0D%0AX: y"',
    ],
    ["half a character", { subject: "CN=\ud800" }, 'Hash=ab12;Subject="CN=%EF%BF%BD"'],
  ])("is safe with %s", async (_name, part, value) => {
    const bare = { subject: "", uris: [], names: [], sha256: "ab12" };
    expect(await passedOn({ ...bare, ...part }, undefined)).toEqual([value]);
  });
});
