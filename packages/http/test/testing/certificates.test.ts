import { once } from "node:events";
import { X509Certificate } from "node:crypto";
import type { AddressInfo } from "node:net";
import { connect, createServer } from "node:tls";
import { testAuthority } from "@pagoda/http/testing";
import { describe, expect, test } from "vitest";

describe("a test authority", () => {
  test("issues certificates with the requested contents", () => {
    const { ca, issue } = testAuthority("ours");
    const names = "DNS:a.test,IP:127.0.0.1,IP:2001:db8::1,URI:spiffe://a.test/cart";
    const issued = new X509Certificate(issue({ subject: "CN=zoë,O=shop", names, days: 3 }).certificate);
    const authority = new X509Certificate(ca);
    expect(issued.subject).toBe("CN=zoë\nO=shop");
    expect(issued.issuer).toBe("CN=ours");
    expect(issued.subjectAltName).toBe(
      "DNS:a.test, IP Address:127.0.0.1, IP Address:2001:DB8:0:0:0:0:0:1, URI:spiffe://a.test/cart",
    );
    expect(issued.validToDate.getTime() - issued.validFromDate.getTime()).toBe(3 * 86_400_000);
    expect(issued.ca).toBe(false);
    expect(authority.ca).toBe(true);
    expect(issued.checkIssued(authority)).toBe(true);
    expect(issued.verify(authority.publicKey)).toBe(true);
    expect(issued.verify(new X509Certificate(testAuthority("ours").ca).publicKey)).toBe(false);
  });

  test("certificates have unique serial numbers", () => {
    const { issue } = testAuthority();
    const numbers = Array.from({ length: 20 }, () => new X509Certificate(issue().certificate).serialNumber);
    expect(new Set(numbers).size).toBe(20);
  });

  test("a certificate of 0 days has expired", () => {
    const { validToDate } = new X509Certificate(testAuthority().issue({ days: 0 }).certificate);
    expect(validToDate.getTime()).toBeLessThanOrEqual(Date.now());
  });

  test("TLS trusts a certificate only with the authority that issued it", async () => {
    const { ca, issue } = testAuthority();
    const { certificate: cert, key } = issue({ names: "DNS:a.test" });
    const server = createServer({ cert, key }, (socket) => socket.end());
    await once(server.listen(0, "127.0.0.1"), "listening");
    const { port } = server.address() as AddressInfo;
    const outcomeWith = async (trusted: string): Promise<string | undefined> => {
      const socket = connect({ port, host: "127.0.0.1", servername: "a.test", ca: trusted });
      const outcome = await once(socket, "secureConnect").then(
        () => "authorized",
        (error: NodeJS.ErrnoException) => error.code,
      );
      socket.destroy();
      return outcome;
    };
    expect(await outcomeWith(ca)).toBe("authorized");
    // The same name with another key.
    expect(await outcomeWith(testAuthority().ca)).toMatch(/UNABLE_TO|SELF_SIGNED|SIGNATURE/);
    server.close();
  });

  test.each([
    ["subject", { subject: "cart" }],
    ["names", { names: "a.test" }],
    ["names", { names: "IP:1.2.3" }],
  ])("an invalid %s is refused: %j", (field, options) => {
    expect(() => testAuthority().issue(options)).toThrow(RangeError);
    expect(() => testAuthority().issue(options)).toThrow(new RegExp(`${field} must be such as`));
  });
});
