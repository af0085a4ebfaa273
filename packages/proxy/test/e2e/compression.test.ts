import { once } from "node:events";
import { brotliDecompressSync, createGunzip, gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { call, head } from "./client.ts";
import { configured, Folder, through } from "./configured.ts";
import { Arrivals, held, type Held, origin } from "./origin.ts";
import { curl, needs } from "./system.ts";

const page = "All work and no play makes Jack a dull boy. ".repeat(1_000);

function pages() {
  return origin((request, response) => {
    response.setHeader("content-type", request.url === "/image" ? "image/png" : "text/html");
    response.setHeader("etag", '"1"').setHeader("content-length", page.length).end(page);
  });
}

describe("compression", () => {
  needs("curl");

  test.each(["listener", "route"])("of a %s", async (place) => {
    await using site = await pages();
    using folder = new Folder();
    const policies = { compression: { codings: ["br", "gzip"], minSize: "2KiB" } };
    const config =
      place === "listener"
        ? through({ endpoints: [site.url] }, { policies })
        : through({ endpoints: [site.url] }, {}, policies);
    await using pagoda = await configured(folder, config);
    const { stdout } = await curl(["--compressed", "-D", "-", pagoda.url]);
    expect(stdout.toString()).toMatch(/content-encoding: (br|gzip)/i);
    expect(stdout.toString()).toContain(page);
  });

  test("compresses what the client accepts", async () => {
    await using site = await pages();
    using folder = new Folder();
    const policies = { compression: {} };
    await using pagoda = await configured(folder, through({ endpoints: [site.url] }, { policies }));
    const encodings = [
      ["gzip", "gzip", gunzipSync],
      ["br, gzip;q=0.5", "br", brotliDecompressSync],
      ["identity", undefined, (bytes: Buffer) => bytes],
    ] as const;
    for (const [accepted, expected, unpack] of encodings) {
      const response = await head(pagoda.url, { headers: { "accept-encoding": accepted } });
      expect(response.headers["content-encoding"]).toBe(expected);
      expect(response.headers.vary).toBe("accept-encoding");
      expect(response.headers.etag).toBe(expected === undefined ? '"1"' : 'W/"1"');
      const bytes = Buffer.concat((await response.toArray()) as Buffer[]);
      expect(unpack(bytes).toString()).toBe(page);
    }
    const image = await call(`${pagoda.url}/image`, { headers: { "accept-encoding": "gzip" } });
    expect([image.body, image.message.headers["content-length"]]).toEqual([page, String(page.length)]);
    const headers = { "accept-encoding": "gzip" };
    const asked = await head(pagoda.url, { method: "HEAD", headers });
    expect([asked.headers["content-encoding"], asked.headers["content-length"]]).toEqual(["gzip", undefined]);
    asked.resume();
  });

  test("events of a compressed stream arrive one by one", async () => {
    const arrivals = new Arrivals<Held>();
    await using site = await held(arrivals);
    using folder = new Folder();
    const policies = { compression: {} };
    await using pagoda = await configured(folder, through({ endpoints: [site.url] }, { policies }));
    const answer = head(pagoda.url, { headers: { "accept-encoding": "gzip" } });
    const { response } = await arrivals.next();
    response.writeHead(200, { "content-type": "text/event-stream" });
    const events = ["data: 1\n\n", "data: 2\n\n"];
    response.write(events[0]);
    const unpacked = (await answer).pipe(createGunzip());
    for (const event of events) {
      const [chunk] = (await once(unpacked, "data")) as [Buffer];
      expect(chunk.toString()).toBe(event);
      if (event === events[0]) response.write(events[1]);
    }
    response.end();
    await once(unpacked, "end");
  });
});
