import { fromBinary } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { type Either, isLeft, left, right } from "@pagoda/core";
import { type Assignment, assignmentOf } from "./assignment.ts";
import { type ClusterResource, clusterOf } from "./cluster.ts";
import { ClusterSchema } from "./generated/cluster_pb.ts";
import { ResourceSchema } from "./generated/discovery_pb.ts";
import { ClusterLoadAssignmentSchema } from "./generated/endpoint_pb.ts";
import { ListenerSchema } from "./generated/listener_pb.ts";
import { RouteConfigurationSchema } from "./generated/route_pb.ts";
import { SecretSchema } from "./generated/secret_pb.ts";
import { type ListenerResource, listenerOf } from "./listener.ts";
import type { ResourceKind } from "./options.ts";
import { routesOf, type XdsRoutes } from "./route-configuration.ts";
import { type Secret, secretOf } from "./secret.ts";

const prefix = "type.googleapis.com/";

/** A kind of resource: how to read one. */
export interface ResourceType<T> {
  readonly kind: ResourceKind;
  readonly url: string;
  /** Whether a state-of-the-world response lists all resources, so that one not in it is gone. */
  readonly isComplete: boolean;
  /** Whether all resources are asked for, without their names. Default false. */
  readonly isWildcard?: boolean;
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

/** @param check Problems of a valid listener for those who asked for it. */
export function listeners(
  check: (listener: ListenerResource) => readonly string[],
): ResourceType<ListenerResource> {
  return {
    kind: "lds",
    url: `${prefix}${ListenerSchema.typeName}`,
    isComplete: true,
    isWildcard: true,
    read(bytes) {
      const message = fromBinary(ListenerSchema, bytes);
      return { name: message.name, validate: () => checkedBy(listenerOf(message), check) };
    },
  };
}

/** @param check Problems of valid routes for those who asked for them. */
export function routes(check: (routes: XdsRoutes) => readonly string[]): ResourceType<XdsRoutes> {
  return {
    kind: "rds",
    url: `${prefix}${RouteConfigurationSchema.typeName}`,
    isComplete: false,
    read(bytes) {
      const message = fromBinary(RouteConfigurationSchema, bytes);
      return { name: message.name, validate: () => checkedBy(routesOf(message), check) };
    },
  };
}

function checkedBy<T>(
  value: Either<readonly string[], T>,
  check: (value: T) => readonly string[],
): Either<readonly string[], T> {
  const problems = isLeft(value) ? [] : check(value.right);
  return problems.length > 0 ? left(problems) : value;
}

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
      const { name } = message;
      return {
        name,
        validate: () => checkedBy(secretOf(message), (secret: Secret) => problemsOf(name, secret)),
      };
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
