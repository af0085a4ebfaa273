import {
  callNotes,
  HttpHeaders,
  type HttpRequest,
  httpRequest,
  type HttpResponse,
  httpResponse,
  PushBody,
} from "@pagoda/http";
import { right, service } from "@pagoda/core";
import { Registry } from "prom-client";
import { describe, expect, test } from "vitest";
import { metrics } from "@pagoda/metrics";
import { exposed } from "./exposition.ts";

const type = { "content-type": "application/grpc+proto" };
const request: HttpRequest = {
  ...httpRequest("http://shop.example/Shop/Buy", { method: "POST", headers: type }),
  version: "2",
};

/** A body with one message and trailers, or a broken one. */
class Message extends PushBody {
  readonly length = undefined;
  constructor(trailers: HttpHeaders | undefined) {
    super();
    this.push(new Uint8Array(5));
    if (trailers !== undefined) this.finish(trailers);
    else this.broken({ _tag: "BodyBroken", origin: "upstream", retryable: true });
  }
  protected goOn(): void {}
  protected stop(): void {}
}

/** The label `grpc_status` of the single counted call. */
async function counted(response: HttpResponse, asked: HttpRequest = request): Promise<string | undefined> {
  const registry = new Registry();
  const result = await metrics({ registry })(service("origin", async () => right(response))).call(asked);
  if (result._tag === "Right") await result.right.body.bytes();
  const totals = (await exposed(registry)).filter(({ name }) => name === "http_requests_total");
  expect(totals.map(({ value }) => value)).toEqual([1]);
  return totals[0]?.labels["grpc_status"];
}

const trailers = (status: string) => HttpHeaders.of({ "grpc-status": status });

describe("grpc_status", () => {
  test("is taken from the headers, as in local responses", async () => {
    expect(await counted(httpResponse(200, undefined, { ...type, "grpc-status": "14" }))).toBe("14");
  });

  test.each(["0", "13"])("is taken from the trailers: %s", async (status) => {
    expect(await counted(httpResponse(200, new Message(trailers(status)), type))).toBe(status);
  });

  test.each([
    ["without trailers", new Message(HttpHeaders.empty)],
    ["whose body broke", new Message(undefined)],
  ])("is not counted for a response %s", async (_how, body) => {
    expect(await counted(httpResponse(200, body, type))).toBe("none");
  });

  test.each(["17", "-1", "1e1", "", "99999", "x"])(
    "counts the invalid code %s as UNKNOWN",
    async (status) => {
      expect(await counted(httpResponse(200, new Message(trailers(status)), type))).toBe("2");
    },
  );

  test("is absent for other calls", async () => {
    const plain = { ...request, headers: HttpHeaders.empty };
    expect(await counted(httpResponse(200, "text", { "grpc-status": "14" }), plain)).toBeUndefined();
  });
});

describe("local responses", () => {
  async function locals(fault: object, routes: boolean) {
    const registry = new Registry();
    const stands = { _tag: "NoEndpointReady", origin: "local", retryable: true, ...fault } as const;
    const inner = service("refusing", async ({ notes }: HttpRequest) => {
      Object.assign(notes, { route: "cart", cluster: "shop" });
      return right({ ...httpResponse(503), fault: stands });
    });
    await metrics({ registry, routes })(inner).call({ ...request, notes: callNotes() });
    return (await exposed(registry))
      .filter(({ name }) => name === "http_local_responses_total")
      .map(({ labels }) => labels);
  }

  test("have the wrapped error as cause", async () => {
    expect(await locals({ reason: "CircuitOpen" }, false)).toEqual([
      { reason: "NoEndpointReady", cause: "CircuitOpen" },
    ]);
  });

  test("have route and cluster with routes", async () => {
    expect(await locals({}, true)).toEqual([{ reason: "NoEndpointReady", route: "cart", cluster: "shop" }]);
  });

  test("have no cause for free text", async () => {
    expect(await locals({ reason: "connect ECONNREFUSED 10.0.0.1:80" }, false)).toEqual([
      { reason: "NoEndpointReady" },
    ]);
  });
});
