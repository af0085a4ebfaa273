import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { right, service, ServiceBuilder } from "@pagoda/core";
import { bodyFrom, type HttpRequest, type HttpResponse, httpResponse, text } from "@pagoda/http";
import { serve } from "@pagoda/http/server";
import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";
import { accessLog } from "@pagoda/access-log";

/** A server with an access log, and a promise of its next line. */
async function served(answer: (request: HttpRequest) => HttpResponse) {
  const written: ((line: Record<string, unknown>) => void)[] = [];
  const logger = pino({}, { write: (line: string) => written.shift()?.(JSON.parse(line) as never) });
  const line = () => new Promise<Record<string, unknown>>((resolve) => void written.push(resolve));
  const stack = new ServiceBuilder<HttpRequest>()
    .layer(accessLog({ logger }))
    .service(service("test", async (incoming: HttpRequest) => right(answer(incoming))));
  const server = await serve(stack);
  if (server._tag === "Left") throw server.left.cause;
  onTestFinished(() => server.right.close());
  return { url: server.right.url, line };
}

test("a response read by the client is complete, for HEAD too", async () => {
  const { url, line } = await served(() => ({ ...text("hello"), body: bodyFrom(["hel", "lo"]) }));
  for (const method of ["GET", "HEAD"]) {
    const logged = line();
    await (await fetch(`${url}/cart?a=b`, { method })).text();
    expect(await logged).toMatchObject({ method, path: "/cart", client: "127.0.0.1", outcome: "complete" });
  }
});

test("a client that disconnects mid-response aborts the call", async () => {
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) yield Buffer.alloc(65_536);
  }
  const { url, line } = await served(() => ({ ...httpResponse(200), body: bodyFrom(endless()) }));
  const logged = line();
  const outgoing = request(url).end();
  outgoing.on("error", () => {});
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  response.on("error", () => {});
  await once(response, "data");
  outgoing.destroy();
  expect(await logged).toMatchObject({ outcome: "aborted", status: 200, level: 30 });
});

test("a response that breaks off is broken, for the client too", async () => {
  async function* breaking(): AsyncGenerator<Uint8Array> {
    yield Buffer.from("hel");
    throw new Error("gone");
  }
  const { url, line } = await served(() => ({ ...httpResponse(200), body: bodyFrom(breaking()) }));
  const logged = line();
  await expect(fetch(url).then((response) => response.text())).rejects.toThrow("terminated");
  expect(await logged).toMatchObject({ outcome: "broken", status: 200, level: 40 });
});
