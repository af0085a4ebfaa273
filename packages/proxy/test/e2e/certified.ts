import { testAuthority } from "@pagoda/http/testing";
import { Folder } from "./configured.ts";
import { curl } from "./system.ts";

/** The authority of servers and clients here. */
export const authority = testAuthority();
export const shop = authority.issue({ subject: "CN=shop", names: "DNS:shop.test,IP:127.0.0.1" });
const cart = authority.issue({ subject: "CN=cart", names: "URI:spiffe://test/cart" });

/**
 * A folder with the certificates of a server, `shop`, a client, `cart`, and their authority,
 * `ca.pem`.
 */
export function certified(): Folder {
  const folder = new Folder();
  folder.write("ca.pem", authority.ca);
  for (const [name, { certificate, key }] of Object.entries({ shop, cart })) {
    folder.write(`${name}.pem`, certificate);
    folder.write(`${name}.key`, key);
  }
  return folder;
}

/** A listener's TLS settings with the server's certificate. */
export const tls = { certificates: [{ certificate: "shop.pem", key: "shop.key" }] };

/** Runs curl and returns the body and HTTP version. */
export async function curled(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await curl(["-w", " %{http_version}", ...args]);
  if (code !== 0) throw new Error(`curl ended with ${code}: ${stderr}`);
  return stdout.toString();
}
