import { fromBinary } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { type Either, isLeft, left, right } from "@pagoda/core";
import { type Assignment, assignmentOf } from "./assignment.ts";
import { type ClusterResource, clusterOf } from "./cluster.ts";
import { ClusterSchema } from "./generated/cluster_pb.ts";
import { ResourceSchema } from "./generated/discovery_pb.ts";
import { ClusterLoadAssignmentSchema } from "./generated/endpoint_pb.ts";
import { SecretSchema } from "./generated/secret_pb.ts";
import type { ResourceKind } from "./options.ts";
import { type Secret, secretOf } from "./secret.ts";

const prefix = "type.googleapis.com/";

/** A kind of resource: how to read one. */
export interface ResourceType<T> {
  readonly kind: ResourceKind;
  readonly url: string;
  /** Whether a state-of-the-world response lists all resources, so that one not in it is gone. */
  readonly isComplete: boolean;
  /**
   * Decodes a resource and returns its name, and a function that validates the rest, so that only
   * resources that were asked for are validated.
   *
   * @throws When it cannot be decoded.
   */
  read(bytes: Uint8Array): Readable<T>;
}

export interface Readable<T> {
  readonly name: string;
  readonly validate: () => Either<readonly string[], T>;
}

export const clusters: ResourceType<ClusterResource> = {
  kind: "cds",
  url: `${prefix}${ClusterSchema.typeName}`,
  isComplete: true,
  read(bytes) {
    const message = fromBinary(ClusterSchema, bytes);
    return { name: message.name, validate: () => clusterOf(message) };
  },
};

export const assignments: ResourceType<Assignment> = {
  kind: "eds",
  url: `${prefix}${ClusterLoadAssignmentSchema.typeName}`,
  isComplete: false,
  read(bytes) {
    const message = fromBinary(ClusterLoadAssignmentSchema, bytes);
    return { name: message.clusterName, validate: () => assignmentOf(message) };
  },
};

/** @param problemsOf Problems of a valid secret for those who asked for it: it is rejected, too. */
export function secrets(
  problemsOf: (name: string, secret: Secret) => readonly string[],
): ResourceType<Secret> {
  return {
    kind: "sds",
    url: `${prefix}${SecretSchema.typeName}`,
    isComplete: false,
    read(bytes) {
      const message = fromBinary(SecretSchema, bytes);
      const validate = (): Either<readonly string[], Secret> => {
        const secret = secretOf(message);
        const problems = isLeft(secret) ? secret.left : problemsOf(message.name, secret.right);
        return problems.length > 0 ? left(problems) : secret;
      };
      return { name: message.name, validate };
    },
  };
}

/** Reads a resource of a response, which may be wrapped in another one. `Left`: why not. */
export function readResource<T>(type: ResourceType<T>, any: Any | undefined): Either<string, Readable<T>> {
  try {
    if (any?.typeUrl === `${prefix}${ResourceSchema.typeName}`)
      return readResource(type, fromBinary(ResourceSchema, any.value).resource);
    if (any?.typeUrl !== type.url) return left(`type must be ${type.url} (got ${any?.typeUrl || "none"})`);
    return right(type.read(any.value));
  } catch {
    return left("cannot be decoded");
  }
}
