import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { DeltaDiscoveryResponseSchema, DiscoveryResponseSchema } from "../generated/discovery_pb.ts";
import { assignments } from "../resources.ts";
import { type AnyResource, changes, world } from "./scripted.ts";

/** The bytes of a response, without the five of the frame around it. */
export function responseBytes(
  protocol: "delta" | "sotw",
  version: string,
  resources: readonly AnyResource[],
): Uint8Array {
  return protocol === "delta"
    ? toBinary(
        DeltaDiscoveryResponseSchema,
        create(DeltaDiscoveryResponseSchema, changes(version, resources)),
      )
    : toBinary(DiscoveryResponseSchema, create(DiscoveryResponseSchema, world(version, resources)));
}

/** Decodes and validates a response with assignments, as the client does. Returns their number. */
export function readAssignments(protocol: "delta" | "sotw", bytes: Uint8Array): number {
  const resources: readonly (Any | undefined)[] =
    protocol === "delta"
      ? fromBinary(DeltaDiscoveryResponseSchema, bytes).resources.map(({ resource }) => resource)
      : fromBinary(DiscoveryResponseSchema, bytes).resources;
  return resources.filter(
    (any) => any !== undefined && assignments.read(any.value).validate()._tag === "Right",
  ).length;
}
