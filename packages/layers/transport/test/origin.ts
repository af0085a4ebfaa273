import { once } from "node:events";
import { createServer as createHttpServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo, Server as NetServer } from "node:net";
import { httpRequest, type HttpResponse, type RequestInput } from "@pagoda/http";
import { settled } from "@pagoda/core/testing";
import { BareOrigin } from "@pagoda/http/testing";
import { transport, type Transport, type TransportOptions } from "@pagoda/transport";
import { isLeft, isRight } from "@pagoda/core";
import { expect, onTestFinished } from "vitest";

/** An origin controlled by the test. */
export async function bareOrigin(): Promise<BareOrigin> {
  const origin = await BareOrigin.open();
  onTestFinished(() => origin.close());
  return origin;
}

/** An origin using Node's server. */
export async function httpOrigin(answer: RequestListener): Promise<{ url: string; server: Server }> {
  const server = createHttpServer({ keepAliveTimeout: 60_000 }, answer);
  return { url: await listen(server, () => server.closeAllConnections()), server };
}

export async function listen(server: NetServer, cut: () => void, scheme = "http"): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    cut();
  });
  return `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A transport closed after the test. */
export function client(url: string, options?: TransportOptions): Transport {
  const made = transport(url, options);
  onTestFinished(() => void made.close());
  return made;
}

/** A request without default fields. */
export function request(method = "GET", path = "/", input: RequestInput = {}) {
  return httpRequest(`http://origin.test${path}`, { method, ...input });
}

export async function responseOf(result: ReturnType<Transport["call"]>): Promise<HttpResponse> {
  const settled = await result;
  if (isLeft(settled))
    throw new Error(`no response: ${JSON.stringify(settled.left)}`, { cause: settled.left });
  return settled.right;
}

export async function faultOf(result: ReturnType<Transport["call"]>) {
  const settled = await result;
  if (isRight(settled)) throw new Error(`no fault: ${settled.right.status}`);
  return settled.left;
}

export async function textOf(result: ReturnType<Transport["call"]>): Promise<string> {
  const text = await (await responseOf(result)).body.text();
  if (isLeft(text)) throw new Error("the body is broken", { cause: text.left.cause });
  return text.right;
}

/** Waits until nothing is in flight, bounded by the timeout of the test. */
export async function untilIdle({ describe }: Transport): Promise<void> {
  while (describe().state?.["inFlight"] !== 0) await settled();
  expect(describe().state).toMatchObject({ inFlight: 0, waiting: 0 });
}
