import { type Either, type Fault, left, right, service } from "@pagoda/core";
import { mockService, virtualClock } from "@pagoda/core/testing";
import {
  type AuthorizationRefused,
  type AuthorizationUnavailable,
  grpcExtAuthz,
  type GrpcExtAuthzOptions,
} from "@pagoda/ext-authz";
import type { CheckAnswer } from "@pagoda/ext-authz/testing";
import {
  type FromClient,
  HttpHeaders,
  httpRequest,
  type HttpRequest,
  type HttpResponse,
  httpResponse,
  type Identified,
  PushBody,
} from "@pagoda/http";
import { conformance } from "@pagoda/http/testing";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { loadCodec } from "../src/grpc/load-codec.ts";
import { answering, askedOf, field, grpcResponse } from "./grpc-server.ts";

/** A body that never ends. */
class Never extends PushBody {
  readonly length = undefined;
  isCancelled = false;
  protected goOn(): void {}
  protected stop(): void {
    this.isCancelled = true;
  }
}

type Asked = HttpRequest & FromClient & Identified;

const denied = 7;
const down: Fault<"Down"> = { _tag: "Down", origin: "upstream", retryable: true };

const asked = (raw: readonly string[] = [], target = "/cart?a=1"): Asked => ({
  ...httpRequest(`http://shop.example${target}`, { method: "PUT", body: "hello" }),
  headers: new HttpHeaders(raw),
  client: { address: "192.0.2.7", identity: "spiffe://mesh/cart" },
  requestId: "r-1",
});

/** A layer around an inner service and an authorization server, both scripted. */
function bench(options: Partial<GrpcExtAuthzOptions<Asked>> = {}) {
  const clock = virtualClock();
  const [inner, server] = [mockService<Asked, HttpResponse>(), mockService<Asked, HttpResponse, Fault>()];
  const observer = {
    allowed: vi.fn<() => void>(),
    refused: vi.fn<(fault: AuthorizationRefused) => void>(),
    unavailable: vi.fn<(fault: AuthorizationUnavailable) => void>(),
  };
  const layered = grpcExtAuthz<Asked>({ service: server.service, clock, observer, ...options })(
    inner.service,
  );
  return { clock, inner, server, observer, layered };
}

/** What reaches inner when the server says this, or what the client gets instead. */
async function decided(
  answer: CheckAnswer,
  request: Asked = asked(),
  options: Partial<GrpcExtAuthzOptions<Asked>> = {},
) {
  const scene = bench(options);
  const result = scene.layered.call(request);
  (await scene.server.next()).answer(answering(answer));
  const first = await Promise.race([result, scene.inner.next()]);
  if ("_tag" in first) return { result: first, passed: undefined };
  first.answer(httpResponse(200, "fine", { server: "origin", "x-a": "1" }));
  return { result: await result, passed: first.request };
}

async function textOf(result: Either<unknown, HttpResponse>) {
  return result._tag === "Right" ? result.right.body.text() : result;
}

const ok = (value: object): CheckAnswer => ({ httpResponse: { case: "okResponse", value } });
const refusing = (value: object): CheckAnswer => ({
  status: { code: denied },
  httpResponse: { case: "deniedResponse", value },
});

// It is loaded by the first call; here, calls must proceed without waiting for files.
beforeAll(loadCodec);

describe("grpcExtAuthz", () => {
  const deciding = service("deciding", async (request: HttpRequest) => {
    const { path } = (await askedOf(request)).attributes?.request?.http ?? {};
    if (path === "/failing") return left(down);
    return right(answering({ status: { code: path === "/forbidden" ? denied : 0 } }));
  });
  conformance(test, ({ clock }) => grpcExtAuthz({ service: deciding, clock }), {
    refused: () => httpRequest("http://shop.example/failing"),
    answered: () => httpRequest("http://shop.example/forbidden"),
    changes: { request: ["headers", "query"] },
  });

  test("asks with Envoy's CheckRequest", async () => {
    const { layered, server, inner } = bench({
      authority: "authz",
      contextExtensions: { listener: "main" },
      timeoutMs: 250,
    });
    const fields = [
      "Cookie",
      "a=b",
      "Cookie",
      "c=d",
      "Accept",
      "x",
      "ACCEPT",
      "y",
      "X-Name",
      "caf\u00c3\u00a9",
    ];
    void layered.call(asked([...fields, "X-Envoy-Auth-Partial-Body", "false"]));
    const { request, answer } = await server.next();
    expect(request).toMatchObject({
      method: "POST",
      authority: "authz",
      path: "/envoy.service.auth.v3.Authorization/Check",
      query: "",
    });
    expect([...request.headers]).toEqual([
      ["content-type", "application/grpc"],
      ["te", "trailers"],
      ["grpc-timeout", "250m"],
    ]);
    const { attributes } = await askedOf(request);
    expect(attributes?.contextExtensions).toEqual({ listener: "main" });
    expect(attributes?.source).toMatchObject({
      principal: "spiffe://mesh/cart",
      address: { address: { value: { address: "192.0.2.7" } } },
    });
    expect(attributes?.request?.http).toMatchObject({
      id: "r-1",
      method: "PUT",
      path: "/cart?a=1",
      host: "shop.example",
      scheme: "http",
      size: 5n,
      protocol: "HTTP/1.1",
      body: "",
      headers: {
        ":method": "PUT",
        ":path": "/cart?a=1",
        ":authority": "shop.example",
        ":scheme": "http",
        cookie: "a=b; c=d",
        accept: "x,y",
        "x-name": "caf\u00e9",
      },
    });
    expect(attributes?.request?.http?.headers).not.toHaveProperty("x-envoy-auth-partial-body");
    answer(answering({}));
    expect((await inner.next()).request).toMatchObject({ method: "PUT", path: "/cart" });
  });

  test("sends only chosen fields", async () => {
    const { layered, server } = bench({ headers: ["Cookie"] });
    void layered.call(asked(["cookie", "a=b", "authorization", "Basic YTpi"]));
    const { attributes } = await askedOf((await server.next()).request);
    const names = Object.keys(attributes?.request?.http?.headers ?? {});
    expect(names.toSorted()).toEqual([":authority", ":method", ":path", ":scheme", "cookie"]);
  });

  describe("a request that is allowed", () => {
    test("gets fields, which replace those of the client, and loses others", async () => {
      const { passed } = await decided(
        ok({
          headers: [
            field("x-user", "ann"),
            field("X-Groups", "a", true),
            field("x-absent", "a", true),
            field("x-new", "caf\u00e9", false),
          ],
          headersToRemove: ["Authorization", "host", ":path"],
        }),
        asked([
          "X_User",
          "root",
          "x-user",
          "root",
          "x-groups",
          "b",
          "authorization",
          "s",
          "host",
          "shop.example",
        ]),
      );
      expect(passed?.headers.raw).toEqual([
        "x-groups",
        "b",
        "host",
        "shop.example",
        "x-user",
        "ann",
        "X-Groups",
        "a",
        "x-new",
        "caf\u00c3\u00a9",
      ]);
      expect(passed).toMatchObject({ path: "/cart", query: "?a=1", authority: "shop.example" });
    });

    test("loses what the client has sent under the names to copy, and gets nothing else", async () => {
      const answer = ok({ headers: [field("x-user", "ann", true), field("x-admin", "1")] });
      const request = asked(["x-user", "root", "X_Groups", "admin", "accept", "*/*"]);
      const { passed } = await decided(answer, request, { copyHeaders: ["X-User", "x-groups"] });
      expect(passed?.headers.raw).toEqual(["accept", "*/*", "x-user", "ann"]);
    });

    test("gets another query", async () => {
      const answer = ok({
        queryParametersToSet: [
          { key: "user", value: "ann&admin=1#" },
          { key: "b", value: "%20+" },
        ],
        queryParametersToRemove: ["token", "user2"],
      });
      const request = asked([], "/cart?b=1&%74oken=s&c=%zz&c=2&b&token");
      const { passed } = await decided(answer, request);
      expect(passed?.query).toBe("?c=%zz&c=2&user=ann%26admin=1%23&b=%20+");
    });

    test("has fields of its response set", async () => {
      const act = (key: string, value: string, appendAction: number) => ({
        header: { key, value },
        appendAction,
      });
      const { result } = await decided(
        ok({
          responseHeadersToAdd: [
            act("set-cookie", "a=1", 0),
            act("x-a", "2", 1),
            act("x-b", "2", 1),
            act("server", "authz", 2),
            act("x-c", "3", 3),
            act("X-A", "4", 3),
          ],
        }),
      );
      expect(result).toMatchObject({ right: { status: 200 } });
      expect(result).toMatchObject({
        right: { headers: { raw: ["set-cookie", "a=1", "x-b", "2", "server", "authz", "X-A", "4"] } },
      });
    });
  });

  describe("a request that is refused", () => {
    test("gets 403 by default", async () => {
      const { result } = await decided({ status: { code: denied } });
      expect(result).toMatchObject({
        right: { status: 403, fault: { _tag: "AuthorizationRefused", status: 403 } },
      });
    });

    test("gets the response of the server", async () => {
      const { result } = await decided(
        refusing({
          status: { code: 302 },
          headers: [
            field("location", "/login"),
            field("set-cookie", "a=1"),
            field("set-cookie", "b=2", true),
          ],
          body: "log in first",
        }),
      );
      expect(result).toMatchObject({ right: { status: 302 } });
      expect(result).toMatchObject({
        right: {
          headers: {
            raw: [
              "location",
              "/login",
              "set-cookie",
              "a=1",
              "set-cookie",
              "b=2",
              "content-type",
              "text/plain",
            ],
          },
        },
      });
      expect(await textOf(result)).toEqual(right("log in first"));
    });

    test.each([100, 101, 199, 600, -1])("gets 403 instead of status %d", async (code) => {
      const { result } = await decided(refusing({ status: { code } }));
      expect(result).toMatchObject({ right: { status: 403 } });
    });

    test("a refusal stays one whatever its fields are", async () => {
      const bad = [
        field("x-a", "1\r\nx-b: 2"),
        field("content-length", "9"),
        field("transfer-encoding", "chunked"),
        field("connection", "x-c"),
        field("x y", "1"),
        field(":status", "200"),
        field("x-good", "1"),
      ];
      const { result } = await decided(refusing({ headers: bad }), asked(), { failOpen: true });
      expect(result).toMatchObject({ right: { status: 403 } });
      expect(result).toMatchObject({ right: { headers: { raw: ["x-good", "1"] } } });
    });
  });

  describe("changes that cannot be made", () => {
    const long = Array.from({ length: 101 }, (_, n) => field(`x-${n}`, "1"));
    test.each<[string, object]>([
      ["a line feed", { headers: [field("x-user", "ann\r\nx-admin: 1")] }],
      ["a NUL", { headers: [field("x-user", "ann\0")] }],
      ["a name that is not a token", { headers: [field("x-user: a", "1")] }],
      ["a pseudo-header", { headers: [field(":path", "/admin")] }],
      ["the host", { headers: [field("Host", "evil.example")] }],
      ["a field of the connection", { headers: [field("connection", "x-user")] }],
      ["framing", { headers: [field("content-length", "0")] }],
      ["framing in disguise", { headers: [field("Transfer_Encoding", "chunked")] }],
      [
        "an unknown action",
        { responseHeadersToAdd: [{ header: { key: "x-a", value: "1" }, appendAction: 4 }] },
      ],
      ["too many fields", { headers: long }],
      ["too long fields", { headers: [field("x-a", "a".repeat(61_440))] }],
      ["a line feed in the response", { responseHeadersToAdd: [field("x-a", "1\nb: 2")] }],
      ["framing of the response", { responseHeadersToAdd: [field("transfer-encoding", "chunked")] }],
    ])("pass no request, even if it fails open: %s", async (_, value) => {
      const { result, passed } = await decided(ok(value), asked(), { failOpen: true });
      expect(passed).toBeUndefined();
      expect(result).toMatchObject({ left: { _tag: "AuthorizationUnavailable", reason: "invalid" } });
    });
  });

  describe("without an answer", () => {
    const framedEmpty = new Uint8Array(5);
    const happenings: readonly [string, AuthorizationUnavailable["reason"], HttpResponse | undefined][] = [
      ["the call fails", "failed", undefined],
      ["HTTP error", "failed", httpResponse(503)],
      ["not gRPC", "failed", httpResponse(200, "hello")],
      ["gRPC error", "status", grpcResponse(new Uint8Array(0), { "grpc-status": "14" })],
      ["gRPC error after a message", "status", grpcResponse(framedEmpty, { "grpc-status": "13" })],
      ["no gRPC status", "failed", grpcResponse(framedEmpty, {})],
      ["no message", "failed", grpcResponse(new Uint8Array(0))],
      ["two messages", "failed", grpcResponse(new Uint8Array(10))],
      ["compressed message", "failed", grpcResponse(Uint8Array.of(1, 0, 0, 0, 0))],
      ["not a message", "failed", grpcResponse(Uint8Array.of(0, 0, 0, 0, 1, 0xff))],
      ["huge message", "failed", grpcResponse(new Uint8Array(1_048_582))],
      [
        "error response",
        "status",
        answering({ status: { code: 13 }, httpResponse: { case: "errorResponse", value: {} } }),
      ],
    ];

    test.each(happenings)("refuses: %s", async (_, reason, response) => {
      const { layered, server, inner, observer, clock } = bench();
      const result = layered.call(asked());
      const call = await server.next();
      if (response === undefined) call.fail(down);
      else call.answer(response);
      const fault = { _tag: "AuthorizationUnavailable", origin: "local", retryable: true, reason };
      expect(await result).toEqual(left(fault));
      await inner.expectNoCall();
      expect(observer.unavailable.mock.calls.map(([each]) => each as unknown)).toEqual([fault]);
      expect(clock.pending).toBe(0);
    });

    test("passes if it fails open, without what only the server may set", async () => {
      const { layered, server, inner } = bench({ failOpen: true, copyHeaders: ["x-user"] });
      const result = layered.call(asked(["x-user", "root", "accept", "*/*"]));
      (await server.next()).fail(down);
      const { request, answer } = await inner.next();
      expect(request.headers.raw).toEqual(["accept", "*/*"]);
      answer(httpResponse(200));
      expect(await result).toMatchObject({ right: { status: 200 } });
    });

    test("a message that does not end is a timeout", async () => {
      const { layered, server, clock } = bench();
      const result = layered.call(asked());
      const hanging = grpcResponse(new Uint8Array(0), {});
      const never = { ...hanging, body: new Never() };
      (await server.next()).answer(never);
      await clock.advance(1_000);
      expect(await result).toMatchObject({ left: { reason: "timeout" } });
      expect(never.body.isCancelled).toBe(true);
    });
  });

  test.each<[string, Partial<GrpcExtAuthzOptions<Asked>>]>([
    ["extAuthz: timeoutMs must be a number", { timeoutMs: 0 }],
    ["extAuthz: copyHeaders must be names of header fields that neither frame", { copyHeaders: ["Host"] }],
    ["extAuthz: copyHeaders must be names of header fields", { copyHeaders: ["a b"] }],
    ["extAuthz: headers must be names of header fields", { headers: [""] }],
    ["extAuthz: requestBody.maxBytes must be an integer", { requestBody: { maxBytes: 0 } }],
  ])("rejects options: %s", (message, options) => {
    expect(() => bench(options)).toThrow(message);
  });
});
