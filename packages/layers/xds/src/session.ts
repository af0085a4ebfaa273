import type { CallOptions } from "@connectrpc/connect";
import { firstLines } from "@pagoda/core";
import type {
  DeltaDiscoveryRequest,
  DeltaDiscoveryResponse,
  DiscoveryRequest,
  DiscoveryResponse,
} from "./generated/discovery_pb.ts";
import type { Response, Subscription } from "./subscription.ts";

/** The methods of a discovery service, by protocol. */
export interface Discovery {
  delta(
    requests: AsyncIterable<DeltaDiscoveryRequest>,
    options: CallOptions,
  ): AsyncIterable<DeltaDiscoveryResponse>;
  sotw(requests: AsyncIterable<DiscoveryRequest>, options: CallOptions): AsyncIterable<DiscoveryResponse>;
}

/** What a subscription needs to be asked for. */
export type Asked = Pick<Subscription<unknown>, "type" | "asked" | "known" | "version">;

/** A stream of one of the two protocols. */
export interface Session {
  /** The responses, until the stream ends. Rejects if it fails. */
  responses(): AsyncIterable<Response>;
  /** Asks for the resources of a subscription, with what is known already. */
  begin(subscription: Asked): void;
  /** Asks for more resources, or no longer for some. */
  change(subscription: Asked, added: readonly string[], removed: readonly string[]): void;
  /** Accepts a response, or rejects it with the problems. */
  answer(subscription: Asked, response: Response, problems: readonly string[]): void;
  close(): void;
}

/** `INVALID_ARGUMENT`. */
const invalidArgument = 3;

/** The reason of a rejection, as the control plane shows it; undefined for none. */
export function errorDetail(problems: readonly string[]) {
  if (problems.length === 0) return {};
  return { errorDetail: { code: invalidArgument, message: firstLines(problems).join("\n") } };
}
