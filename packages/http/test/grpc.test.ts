import { HttpHeaders, isGrpc } from "@pagoda/http";
import { expect, test } from "vitest";

test.each([
  ["application/grpc", true],
  ["Application/gRPC", true],
  ["application/grpc+proto", true],
  ["application/grpc; a=b", true],
  ["application/grpc ;a=b", true],
  ["application/grpc-web", false],
  ["application/grpcs", false],
  ["application/grp", false],
  ["", false],
])("a message with content-type %j is gRPC: %s", (type, expected) => {
  expect(isGrpc(HttpHeaders.of({ "Content-Type": type }))).toBe(expected);
});

test("a message without content-type is not gRPC", () => {
  expect(isGrpc(HttpHeaders.empty)).toBe(false);
});
