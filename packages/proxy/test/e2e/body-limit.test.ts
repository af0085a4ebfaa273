import { describe, expect, test } from "vitest";
import { call, Wire } from "./client.ts";
import { configured, Folder, through } from "./configured.ts";
import { Arrivals, held, type Held, origin } from "./origin.ts";

const post = (fields: string): string =>
  `POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${fields}\r\n\r\n`;
const chunk = (length: number): string => `${length.toString(16)}\r\n${"x".repeat(length)}\r\n`;
const limit = 100 * 1_024;

describe("bodyLimit", () => {
  test.each(["listener", "route"])("of a %s cuts uploads off, announced or not", async (place) => {
    await using site = await origin((request, response) => {
      let length = 0;
      request.on("data", (piece: Buffer) => (length += piece.length));
      request.on("end", () => response.end(`${length} bytes`)).on("error", () => {});
    });
    using folder = new Folder();
    const policies = { bodyLimit: "100KiB" };
    const cluster = { endpoints: [site.url] };
    const config = place === "listener" ? through(cluster, { policies }) : through(cluster, {}, policies);
    await using pagoda = await configured(folder, config);

    const tries = [
      [post(`Content-Length: ${limit}`) + "x".repeat(limit), "200", `${limit} bytes`],
      [
        post(`Content-Length: ${limit + 1}\r\nExpect: 100-continue`),
        "413",
        `request body over ${limit} bytes`,
      ],
      [`${post("Transfer-Encoding: chunked")}${chunk(limit)}0\r\n\r\n`, "200", `${limit} bytes`],
      [
        post("Transfer-Encoding: chunked") + chunk(limit) + chunk(1),
        "413",
        `request body over ${limit} bytes`,
      ],
    ] as const;
    for (const [request, status, body] of tries) {
      using wire = new Wire(pagoda.url);
      wire.send(request);
      await wire.receives(body);
      expect(wire.text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    }
    expect((await call(pagoda.url)).body).toBe("0 bytes");
    expect(await pagoda.metric("http_local_responses_total", { reason: "BodyTooLarge" })).toBe(2);
  });

  test("an upload over the limit is never complete for the origin", async () => {
    const arrivals = new Arrivals<Held>();
    await using site = await held(arrivals);
    using folder = new Folder();
    const config = through({ endpoints: [site.url] }, {}, { bodyLimit: "100KiB" });
    await using pagoda = await configured(folder, config);
    using wire = new Wire(pagoda.url);
    wire.send(post("Transfer-Encoding: chunked") + chunk(limit));
    const { request } = await arrivals.next();
    const ended = new Promise((resolve) => request.once("close", resolve));
    request.on("error", () => {}).resume();
    wire.send(chunk(1));
    await wire.receives("413 request body over");
    await ended;
    expect(request.complete).toBe(false);
  });
});
