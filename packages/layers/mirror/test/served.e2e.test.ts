import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { right, service, type Service, ServiceBuilder } from "@pagoda/core";
import { type HttpRequest, type HttpResponse, text } from "@pagoda/http";
import { serve } from "@pagoda/http/server";
import { expect, onTestFinished, test } from "vitest";
import { mirror } from "@pagoda/mirror";

const echo = service<HttpRequest, HttpResponse>("echo", async ({ body }) => {
  const read = await body.text();
  return right(text(read._tag === "Right" ? read.right : read.left._tag));
});

/** Starts a server that mirrors to a shadow and returns its URL. */
async function served(to: Service<HttpRequest, HttpResponse, unknown>): Promise<string> {
  const server = await serve(new ServiceBuilder<HttpRequest>().layer(mirror({ to })).service(echo));
  if (server._tag === "Left") throw server.left.cause;
  onTestFinished(() => server.right.close());
  return server.right.url;
}

/** Sends chunks and returns the response. */
async function upload(url: string, pieces: readonly string[]): Promise<string> {
  const outgoing = request(url, { method: "POST" });
  for (const piece of pieces) outgoing.write(piece);
  outgoing.end();
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  let all = "";
  for await (const piece of response) all += String(piece);
  return all;
}

test("both get the whole upload", async () => {
  const copy = Promise.withResolvers<readonly [string | undefined, unknown]>();
  const shadow = service<HttpRequest, HttpResponse>("shadow", async ({ headers, body }) => {
    copy.resolve([headers.get("x-shadow"), await body.text()]);
    return right(text("unheard"));
  });
  const pieces = Array.from({ length: 60 }, (_, n) => String(n % 10).repeat(1_000));
  const url = await served(shadow);
  expect(await upload(url, pieces)).toBe(pieces.join(""));
  expect(await copy.promise).toEqual(["true", right(pieces.join(""))]);
});

test("a shadow that never answers delays nothing", async () => {
  const called = Promise.withResolvers<AbortSignal | undefined>();
  const stuck = service<HttpRequest, HttpResponse>("stuck", (_request, signal) => {
    called.resolve(signal);
    return new Promise((resolve) => {
      onTestFinished(() => resolve(right(text("late"))));
    });
  });
  const url = await served(stuck);
  expect(await upload(url, ["hello"])).toBe("hello");
  expect((await called.promise)?.aborted).toBe(false);
});
