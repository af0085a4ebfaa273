// The layer beside `fetch`: the same redirects, from the same servers, over real connections.
import { isRight, right, service, ServiceBuilder, steer } from "@pagoda/core";
import { followRedirects } from "@pagoda/follow-redirects";
import { bodyFrom, type HttpRequest, httpRequest, httpResponse, text } from "@pagoda/http";
import { serve, type HttpServer } from "@pagoda/http/server";
import { replay } from "@pagoda/replay";
import { transport } from "@pagoda/transport";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

/** What a server received. */
interface Seen {
  readonly server: number;
  readonly method: string;
  readonly target: string;
  readonly body: string;
  readonly fields: readonly string[];
  readonly port: number | undefined;
}

const compared = ["authorization", "cookie", "proxy-authorization", "content-type", "x-other"];
let servers: readonly HttpServer[];
let seen: Seen[] = [];

/** Redirects as its query says: `?to=URL&status=302`. */
function origin(server: number) {
  return service("origin", async ({ method, path, query, headers, body, peer }: HttpRequest) => {
    const content = await body.text();
    const fields = compared.filter((name) => headers.has(name));
    seen.push({
      server,
      method,
      target: path + query,
      body: isRight(content) ? content.right : "broken",
      fields,
      port: peer?.port,
    });
    const asked = new URLSearchParams(query);
    const location = asked.get("to");
    return right(
      location === null
        ? text("here")
        : httpResponse(Number(asked.get("status")), bodyFrom(["moved"]), { location }),
    );
  });
}

beforeAll(async () => {
  servers = await Promise.all(
    [0, 1].map(async (index) => {
      const server = await serve(origin(index));
      if (!isRight(server)) throw new Error(server.left.code);
      return server.right;
    }),
  );
});
beforeEach(() => (seen = []));
afterAll(() => Promise.all(servers.map((server) => server.close())));

function client() {
  const origins = servers.map(({ url }) => transport(url));
  const byAuthority = steer(origins, ({ authority }: HttpRequest) =>
    servers.findIndex(({ url }) => new URL(url).host === authority),
  );
  const stack = new ServiceBuilder<HttpRequest>()
    .layer(replay({ recordAll: true }))
    .layer(followRedirects())
    .service(byAuthority);
  return { stack, close: () => Promise.all(origins.map((each) => each.close())) };
}

const headers = {
  authorization: "Bearer t",
  cookie: "a=1",
  "proxy-authorization": "Basic p",
  "content-type": "text/plain",
  "x-other": "1",
};
const targets: readonly [string, (status: number) => string][] = [
  ["the same origin", () => "/end"],
  ["another origin", () => `${servers[1]?.url}/end#part`],
  [
    "another origin and back",
    (status) => `${servers[1]?.url}/via?status=${status}&to=${encodeURIComponent(`${servers[0]?.url}/end`)}`,
  ],
];

describe.each([301, 302, 303, 307, 308])("status %d", (status) => {
  describe.each(["GET", "HEAD", "POST", "PUT", "DELETE"])("to %s", (method) => {
    test.each(targets)("and %s is followed as by fetch", async (_name, target) => {
      const url = `${servers[0]?.url}/?status=${status}&to=${encodeURIComponent(target(status))}`;
      const body = method === "POST" || method === "PUT" ? "content" : undefined;
      const input = { method, headers, ...(body !== undefined && { body }) };
      const theirs = await fetch(url, input);
      await theirs.text();
      const expected = seen.map(({ port: _, ...rest }) => rest);
      seen = [];

      const { stack, close } = client();
      const request = httpRequest(url, { ...input, ...(body !== undefined && { body: bodyFrom([body]) }) });
      const ours = await stack.call(request);
      if (!isRight(ours)) throw new Error(ours.left._tag);
      await ours.right.body.bytes();
      await close();
      expect(seen.map(({ port: _, ...rest }) => rest)).toEqual(expected);
      expect(ours.right.status).toBe(theirs.status);
      expect(request.notes.url?.replace(/#.*/, "")).toBe(theirs.url);
    });
  });
});

test("the connection of a redirect is used for the next request", async () => {
  const { stack, close } = client();
  const result = await stack.call(httpRequest(`${servers[0]?.url}/?status=302&to=/end`));
  if (isRight(result)) await result.right.body.bytes();
  await close();
  expect(seen.map(({ target }) => target)).toEqual(["/?status=302&to=/end", "/end"]);
  expect(new Set(seen.map(({ port }) => port)).size).toBe(1);
});
