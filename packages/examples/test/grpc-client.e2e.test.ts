import {
  Client,
  credentials,
  type handleUnaryCall,
  type MethodDefinition,
  Server,
  ServerCredentials,
  status,
} from "@grpc/grpc-js";
import { fallback } from "@pagoda/fallback";
import { type ErrorOf, idempotent, once, right, Scope, ServiceBuilder, systemClock } from "@pagoda/core";
import { serviceConformance } from "@pagoda/core/testing";
import { describe, expect, expectTypeOf, onTestFinished, test } from "vitest";
import { grpcClient, type GrpcError, unary, type UnaryCall, type UnaryMethod } from "../src/grpc-client.ts";

interface Wanted {
  readonly id: string;
}
interface Lamp {
  readonly name: string;
}

/** What a code generator makes of a .proto file; here with JSON as its encoding. */
const getLamp: MethodDefinition<Wanted, Lamp> = {
  path: "/shop.Lamps/GetLamp",
  requestStream: false,
  responseStream: false,
  requestSerialize: (message) => Buffer.from(JSON.stringify(message)),
  requestDeserialize: (bytes) => JSON.parse(String(bytes)) as Wanted,
  responseSerialize: (message) => Buffer.from(JSON.stringify(message)),
  responseDeserialize: (bytes) => JSON.parse(String(bytes)) as Lamp,
};

interface Running {
  readonly method: UnaryMethod<Wanted, Lamp>;
  close(): void;
}

/** A client of a real server. */
async function running(handler: handleUnaryCall<Wanted, Lamp>): Promise<Running> {
  const server = new Server();
  server.addService({ getLamp }, { getLamp: handler as never });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  const { path, requestSerialize, responseDeserialize } = getLamp;
  return {
    method: (message, metadata, options, callback) =>
      client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        message,
        metadata,
        options,
        callback,
      ),
    close() {
      client.close();
      server.forceShutdown();
    },
  };
}

async function clientOf(handler: handleUnaryCall<Wanted, Lamp>): Promise<UnaryMethod<Wanted, Lamp>> {
  const { method, close } = await running(handler);
  onTestFinished(close);
  return method;
}

const wanted = (id: string): UnaryCall<Wanted> => ({ message: { id }, replay: idempotent });

serviceConformance(test, async () => {
  const { method, close } = await running(({ request: { id } }, answer) => {
    if (id === "missing") answer({ code: status.NOT_FOUND });
    else if (id !== "silent") answer(null, { name: id });
  });
  return {
    service: unary("lamps", method),
    request: () => wanted("a"),
    failing: () => wanted("missing"),
    unanswered: () => wanted("silent"),
    close: async () => close(),
  };
});

describe("a gRPC method as a service", () => {
  test("returns the answer", async () => {
    const lamps = unary("lamps", await clientOf(({ request }, answer) => answer(null, { name: request.id })));
    expect(await lamps.call(wanted("a"))).toEqual(right({ name: "a" }));
  });

  test.each([
    ["NOT_FOUND", "local", false],
    ["INTERNAL", "upstream", false],
    ["UNAVAILABLE", "upstream", true],
  ] as const)("returns the status %s as an error of origin %s", async (name, origin, retryable) => {
    const method = await clientOf((_call, answer) => answer({ code: status[name], details: "why" }));
    expect(await unary("lamps", method).call(wanted("a"))).toEqual({
      _tag: "Left",
      left: { _tag: name, origin, retryable, details: "why" },
    });
  });

  test("cancels the call on an abort", async () => {
    const { promise: cancelled, resolve } = Promise.withResolvers<void>();
    const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>();
    const method = await clientOf((call) => {
      call.on("cancelled", resolve);
      arrive();
    });
    const controller = new AbortController();
    const result = unary("lamps", method).call(wanted("a"), controller.signal);
    await arrived;
    controller.abort();
    expect(await result).toMatchObject({ left: { _tag: "Aborted" } });
    await cancelled;
  });

  test("sends the deadline", async () => {
    const { promise: deadline, resolve } = Promise.withResolvers<unknown>();
    const method = await clientOf((call, answer) => {
      resolve(call.getDeadline());
      answer(null, { name: "a" });
    });
    const scope = new Scope(undefined);
    scope.deadline = systemClock.now() + 3_600_000;
    await unary("lamps", method).call(wanted("a"), scope.signal);
    const inMs = Number(await deadline) - Date.now();
    expect(inMs).toBeGreaterThan(3_000_000);
    expect(inMs).toBeLessThanOrEqual(3_601_000);
  });
});

/** Without a time limit that a busy machine would exceed. */
const patient = (method: UnaryMethod<Wanted, Lamp>) => grpcClient("lamps", method, { timeoutMs: 600_000 });

describe("the gRPC client example", () => {
  test("retries while the server is unavailable", async () => {
    let asked = 0;
    const method = await clientOf((_call, answer) =>
      ++asked < 3 ? answer({ code: status.UNAVAILABLE }) : answer(null, { name: "a" }),
    );
    expect(await patient(method).call(wanted("a"))).toEqual(right({ name: "a" }));
    expect(asked).toBe(3);
  });

  test("does not repeat a call that must be made once", async () => {
    let asked = 0;
    const method = await clientOf((_call, answer) => {
      asked++;
      answer({ code: status.UNAVAILABLE });
    });
    const result = await patient(method).call({ message: { id: "a" }, replay: once });
    expect(result).toMatchObject({ left: { _tag: "UNAVAILABLE" } });
    expect(asked).toBe(1);
  });

  test("opens the circuit of a failing server, but not for missing lamps", async () => {
    let code = status.NOT_FOUND;
    const lamps = patient(await clientOf((_call, answer) => answer({ code })));
    for (let n = 0; n < 10; n++)
      expect(await lamps.call(wanted("a"))).toMatchObject({ left: { _tag: "NOT_FOUND" } });
    code = status.INTERNAL;
    const tags = [];
    for (let n = 0; n < 10; n++) tags.push((await lamps.call(wanted("a"))) as { left: { _tag: string } });
    expect(tags[0]?.left._tag).toBe("INTERNAL");
    expect(tags.some(({ left }) => left._tag === "CircuitOpen")).toBe(true);
  });

  test("has an error type for each status, which fallback removes", async () => {
    const method = await clientOf((_call, answer) => answer({ code: status.NOT_FOUND }));
    const lamps = new ServiceBuilder<UnaryCall<Wanted>>()
      .layer(fallback({ NOT_FOUND: () => right(undefined) }))
      .service(patient(method));
    expect(await lamps.call(wanted("a"))).toEqual(right(undefined));
    expectTypeOf<GrpcError<"NOT_FOUND">>().not.toExtend<ErrorOf<typeof lamps>>();
    expectTypeOf<GrpcError<"UNAVAILABLE">>().toExtend<ErrorOf<typeof lamps>>();
  });
});
