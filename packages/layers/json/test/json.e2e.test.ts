import { once } from "node:events";
import { type IncomingMessage, request as nodeRequest } from "node:http";
import {
  type Either,
  isLeft,
  isRight,
  left,
  right,
  service,
  type Service,
  ServiceBuilder,
  thenResult,
} from "@pagoda/core";
import {
  HttpHeaders,
  type HttpRequest,
  httpRequest,
  type HttpResponse,
  httpResponse,
  json as jsonResponse,
  StreamBody,
} from "@pagoda/http";
import { type HttpServer, serve } from "@pagoda/http/server";
import { json, jsonBody, type JsonFault } from "@pagoda/json";
import { afterAll, beforeAll, expect, test } from "vitest";
import { schemas } from "./schemas.ts";

let server: HttpServer;

beforeAll(async () => {
  const stack = new ServiceBuilder<HttpRequest>()
    .adapt(
      thenResult(async (result: Either<JsonFault, HttpResponse>) =>
        isLeft(result) ? right(jsonResponse({ tag: result.left._tag }, 400)) : result,
      ),
    )
    .layer(jsonBody(schemas.valibot, { maxBytes: 100_000 }))
    .service(
      service("double", async ({ json: lamp }) => right(jsonResponse({ ...lamp, watts: lamp.watts * 2 }))),
    );
  const served = await serve(stack);
  if (!isRight(served)) throw new Error(served.left.code);
  server = served.right;
});

afterAll(() => server.close());

/** Sends the body in chunks and streams the response. */
const client: Service<HttpRequest, HttpResponse> = service(
  "node",
  async ({ body, headers, method }: HttpRequest) => {
    const sent = nodeRequest(server.url, { method, headers: Object.fromEntries(headers) });
    for await (const piece of body) sent.write(piece);
    sent.end();
    const [message] = (await once(sent, "response")) as [IncomingMessage];
    return right({
      ...httpResponse(message.statusCode ?? 0, new StreamBody(message)),
      headers: new HttpHeaders(message.rawHeaders),
    });
  },
);

const post = (value: unknown): HttpRequest =>
  httpRequest(server.url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(value),
  });

test("JSON is sent and received over a socket", async () => {
  const call = json(schemas.arktype)(client);
  expect(await call.call(post({ name: "desk", watts: 5 }))).toEqual(right({ name: "desk", watts: 10 }));
});

test("a long string arrives complete", async () => {
  const name = "ö".repeat(40_000);
  expect(await json(schemas.zod)(client).call(post({ name, watts: 1 }))).toEqual(right({ name, watts: 2 }));
});

test.each([
  ["SchemaMismatch", { name: "desk" }],
  ["BodyTooLarge", { name: "x".repeat(100_001), watts: 1 }],
])("the server refuses with %s", async (tag, value) => {
  const result = await client.call(post(value));
  const body = isRight(result) ? await result.right.body.json() : left(undefined);
  expect(body).toEqual(right({ tag }));
});
