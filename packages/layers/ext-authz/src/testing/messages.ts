import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { type CheckRequest, CheckRequestSchema, CheckResponseSchema } from "../generated/external_auth_pb.ts";

export type { CheckRequest };

/** What an authorization server says. Without anything it allows the request. */
export type CheckAnswer = MessageInitShape<typeof CheckResponseSchema>;

/** The path of `Check`. */
export const checkPath = "/envoy.service.auth.v3.Authorization/Check";

/** Parses a `CheckRequest`, for an authorization server in tests. */
export function readCheckRequest(bytes: Uint8Array): CheckRequest {
  return fromBinary(CheckRequestSchema, bytes);
}

/** Serializes a `CheckResponse`. */
export function writeCheckResponse(answer: CheckAnswer): Uint8Array {
  return toBinary(CheckResponseSchema, create(CheckResponseSchema, answer));
}
