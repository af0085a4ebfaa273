import { type ErrorOf, type Fault, type Layer, right, service, ServiceBuilder } from "@pagoda/core";
import { type HttpRequest, type HttpResponse, httpResponse } from "@pagoda/http";
import { type DeadlineExceeded, grpcAnswers, grpcClassifier, grpcDeadline, grpcTrailers } from "@pagoda/grpc";
import { describe, expectTypeOf, test } from "vitest";

interface Down extends Fault<"Down"> {}

const leaf = service<HttpRequest, HttpResponse, Down>("leaf", async () => right(httpResponse(200)));

describe("types of grpc", () => {
  test("grpcDeadline raises an error; the others raise and handle none", () => {
    expectTypeOf(grpcDeadline()).toEqualTypeOf<Layer<HttpRequest, unknown, DeadlineExceeded>>();
    expectTypeOf(grpcAnswers()).toEqualTypeOf<
      Layer<HttpRequest, unknown, never, never, never, HttpResponse>
    >();
    expectTypeOf(grpcTrailers()).toEqualTypeOf<
      Layer<HttpRequest, unknown, never, never, never, HttpResponse>
    >();
    const stack = new ServiceBuilder<HttpRequest>()
      .layer(grpcAnswers({ Down: "UNAVAILABLE" }))
      .layer(grpcDeadline())
      .layer(grpcTrailers())
      .service(leaf);
    expectTypeOf<ErrorOf<typeof stack>>().toEqualTypeOf<DeadlineExceeded | Down>();
  });

  test("does not compile around a service that is not HTTP", () => {
    // @ts-expect-error: a string is not an HttpRequest.
    new ServiceBuilder<string>().layer(grpcDeadline());
    // @ts-expect-error: the same.
    new ServiceBuilder<string>().layer(grpcAnswers());
  });

  test("a status is one of gRPC's", () => {
    expectTypeOf(() => {
      // @ts-expect-error: it is DEADLINE_EXCEEDED.
      grpcAnswers({ TimedOut: "TIMEOUT" });
      // @ts-expect-error: it is UNAVAILABLE.
      grpcClassifier({ failures: ["Unavailable"] });
    }).toBeFunction();
  });
});
