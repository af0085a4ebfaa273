import { type Fault, left, type Outcome, outcomeOfError, right } from "@pagoda/core";
import { httpClassifier, httpResponse } from "@pagoda/http";
import { virtualClock } from "@pagoda/core/testing";
import { type GrpcStatus, grpcClassifier, grpcStatuses } from "@pagoda/grpc";
import { describe, expect, test, vi } from "vitest";
import { grpcResponse, ScriptedBody } from "./bench.ts";

const classifier = grpcClassifier();
const of = (status: string, fields: Readonly<Record<string, string>> = {}): Outcome =>
  classifier.outcome(right(grpcResponse({ "grpc-status": status, ...fields })));

describe("grpcClassifier", () => {
  test.each([
    ["OK", "success", false],
    ["CANCELLED", "neutral", false],
    ["UNKNOWN", "failure", false],
    ["INVALID_ARGUMENT", "success", false],
    ["DEADLINE_EXCEEDED", "failure", false],
    ["NOT_FOUND", "success", false],
    ["ALREADY_EXISTS", "success", false],
    ["PERMISSION_DENIED", "failure", false],
    ["RESOURCE_EXHAUSTED", "limited", true],
    ["FAILED_PRECONDITION", "success", false],
    ["ABORTED", "success", false],
    ["OUT_OF_RANGE", "success", false],
    ["UNIMPLEMENTED", "success", false],
    ["INTERNAL", "failure", false],
    ["UNAVAILABLE", "failure", true],
    ["DATA_LOSS", "failure", false],
    ["UNAUTHENTICATED", "success", false],
  ] as const)("%s is %s, retryable: %s", (status, kind, retryable) => {
    expect(of(String(grpcStatuses[status]))).toEqual({ kind, retryable });
  });

  test.each(["17", "99", "-1", "", "x", "1.0", "014", "1e1"])("a status of %j is UNKNOWN", (status) => {
    expect(of(status)).toEqual({ kind: "failure", retryable: false });
  });

  test("respects grpc-retry-pushback-ms", () => {
    const after = (ms: string) => of("14", { "grpc-retry-pushback-ms": ms });
    expect(after("250")).toEqual({ kind: "failure", retryable: true, retryAfterMs: 250 });
    expect(after("0")).toEqual({ kind: "failure", retryable: true, retryAfterMs: 0 });
    for (const ms of ["-1", "", "soon", "1.5", "9".repeat(16)])
      expect([ms, after(ms)]).toEqual([ms, { kind: "failure", retryable: false }]);
    expect(of("8", { "grpc-retry-pushback-ms": "-1" })).toEqual({ kind: "limited", retryable: false });
    expect(of("13", { "grpc-retry-pushback-ms": "250" })).toEqual({ kind: "failure", retryable: false });
  });

  test("follows a body to the status in its trailers", async () => {
    const follow = (end: (body: ScriptedBody) => void): unknown[] => {
      const body = new ScriptedBody();
      const heard: unknown[] = [];
      const isUnderWay = classifier.follow?.({ ...grpcResponse({}), body }, ({ kind }) => heard.push(kind));
      body.pipe({ write: () => true, end() {}, fail() {} });
      end(body);
      return [isUnderWay, ...heard];
    };
    const trailers = (status: string) => ({ "grpc-status": status });
    expect(follow((body) => body.end(trailers("14")))).toEqual([true, "failure"]);
    expect(follow((body) => body.end(trailers("5")))).toEqual([true, "success"]);
    expect(follow((body) => body.end(trailers("0")))).toEqual([true, "success"]);
    expect(follow((body) => body.break())).toEqual([true, "failure"]);
    expect(classifier.follow?.(grpcResponse({ "grpc-status": "0" }), () => {})).toBe(false);
  });

  test("leaves responses that are not gRPC to the otherwise classifier", () => {
    const { outcome } = grpcClassifier({
      otherwise: httpClassifier({ retryable: [500], retryableErrors: () => false }),
    });
    expect(outcome(right(httpResponse(500)))).toMatchObject({ kind: "failure", retryable: true });
    expect(outcome(left({ _tag: "A", origin: "upstream", retryable: true }))).toMatchObject({
      retryable: false,
    });
    expect(outcome(right(grpcResponse({ "grpc-status": "14" })))).toMatchObject({ retryable: true });
  });

  test("classifies responses without status, and those that are not gRPC, as HTTP", () => {
    const clock = virtualClock();
    const http = httpClassifier({ clock });
    for (const response of [
      grpcResponse(),
      { ...grpcResponse(), status: 503 },
      httpResponse(500, "", { "grpc-status": "0", "content-type": "text/plain" }),
      httpResponse(200, "", { "grpc-status": "14" }),
      httpResponse(200, "", { "grpc-status": "14", "content-type": "application/grpc-web" }),
      httpResponse(503, "", { "retry-after": new Date(clock.wallTime() + 2_000).toUTCString() }),
    ])
      expect(grpcClassifier({ clock }).outcome(right(response))).toEqual(http.outcome(right(response)));
  });

  test.each([
    "application/grpc+proto",
    "application/grpc;charset=utf-8",
    "Application/GRPC",
    "application/grpc ;a=b",
  ])("%s is gRPC", (type) => expect(of("14", { "content-type": type }).kind).toBe("failure"));

  test("classifies errors, and responses made from them, by the error", () => {
    const fault: Fault = { _tag: "Shed", origin: "local", retryable: true };
    expect(classifier.outcome(left(fault))).toEqual(outcomeOfError(fault));
    const answer = { ...grpcResponse({ "grpc-status": "13" }), fault };
    expect(classifier.outcome(right(answer))).toEqual(outcomeOfError(fault));
  });

  test("failures and retryable replace the defaults", () => {
    const own = grpcClassifier({ failures: ["ABORTED", "RESOURCE_EXHAUSTED"], retryable: ["ABORTED"] });
    const kinds = (status: GrpcStatus) =>
      own.outcome(right(grpcResponse({ "grpc-status": String(grpcStatuses[status]) })));
    expect(kinds("ABORTED")).toEqual({ kind: "failure", retryable: true });
    expect(kinds("RESOURCE_EXHAUSTED")).toEqual({ kind: "failure", retryable: false });
    expect(kinds("UNAVAILABLE")).toEqual({ kind: "success", retryable: false });
  });

  test("rejects an unknown status", () => {
    const wrong = ["Unavailable"] as never;
    expect(() => grpcClassifier({ failures: wrong })).toThrow("failures must be one of OK, CANCELLED");
    expect(() => grpcClassifier({ retryable: wrong })).toThrow(RangeError);
    expect(() => grpcClassifier({ failures: ["toString"] as never })).toThrow(RangeError);
  });

  test("leaves what is not an HTTP response to the otherwise classifier", () => {
    const ended = vi.fn<(outcome: Outcome) => void>();
    for (const response of [undefined, 1, { headers: {} }]) {
      expect(grpcClassifier().outcome(right(response))).toMatchObject({ kind: "success" });
      expect(grpcClassifier().follow?.(response, ended)).toBe(false);
    }
  });

  test("discards dropped responses", () => {
    const body = new ScriptedBody();
    classifier.discard(grpcResponse({}, body));
    expect(body.isStopped).toBe(true);
  });
});
