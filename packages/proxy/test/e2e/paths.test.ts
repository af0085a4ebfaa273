import { expect, test } from "vitest";
import { call, Wire } from "./client.ts";
import { configured, Folder, through } from "./configured.ts";
import { origin, type Origin } from "./origin.ts";

const echo = (): Promise<Origin> =>
  origin(({ url, headers }, response) => {
    response.setHeader("x-vary-on", headers.via ?? "none");
    response.end(`<${url}>`);
  });

/** What the origin receives for a path sent exactly as given. */
async function asked(url: string, path: string): Promise<string | undefined> {
  using wire = new Wire(url);
  wire.send(`GET ${path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`);
  await wire.closed;
  return /<(.*)>/.exec(wire.text)?.[1] ?? /^HTTP\/1\.1 (\d+)/.exec(wire.text)?.[1];
}

test("signed URLs reach the origin byte for byte, and routes match the decoded path", async () => {
  using folder = new Folder();
  await using server = await echo();
  const rules = [{ name: "no-admin", effect: "deny", to: { paths: ["/admin/*"] } }];
  await using pagoda = await configured(
    folder,
    through({ endpoints: [server.url] }, {}, { authorize: { rules } }),
  );
  const signed = "/b/%7Eann/a%2fb/caf%c3%a9?X-Amz-Signature=%7e%2f";
  expect(await asked(pagoda.url, signed)).toBe(signed);
  expect(await asked(pagoda.url, "/x/../%7Eann/./a%2fb")).toBe("/%7Eann/a%2fb");
  expect(await asked(pagoda.url, "/%61dmin/x")).toBe("403");
  expect(await asked(pagoda.url, "/b/%2e%2e/admin/x")).toBe("403");
});

test("paths are matched and sent as the listener configures", async () => {
  using folder = new Folder();
  await using server = await echo();
  const paths = { normalize: "rfc3986", slashes: "merge", escapedSlashes: "refuse", backslashes: "slash" };
  await using normal = await configured(folder, through({ endpoints: [server.url] }, { paths }));
  expect(await asked(normal.url, "/%7eann//b%5cc")).toBe("/~ann/b/c");
  expect(await asked(normal.url, "/a%2Fb")).toBe("400");
  await using off = await configured(
    folder,
    through({ endpoints: [server.url] }, { paths: { normalize: "off" } }),
  );
  expect(await asked(off.url, "/%7eann/../b//%5c")).toBe("/%7eann/../b//%5c");
});

test("via: false omits Via, so nginx as an origin compresses again", async () => {
  using folder = new Folder();
  await using server = await echo();
  await using pagoda = await configured(folder, through({ endpoints: [server.url] }, { via: false }));
  const { message } = await call(pagoda.url);
  expect(message.headers["x-vary-on"]).toBe("none");
  expect(message.headers.via).toBeUndefined();
});
