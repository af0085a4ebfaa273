import { randomUUID } from "node:crypto";
import { bounded } from "./facts.ts";
import type { Recorded } from "./record.ts";

/** What a server refused before any layer saw it. */
export interface Unread {
  /** Absent for a TLS handshake. */
  readonly status?: number;
  readonly reason: string;
  /** Those of one kind are alike; the number of kinds is bounded. */
  readonly kind: string;
  readonly client: string | undefined;
}

/** Records it under an id of its own, since it has no request id. */
export function recordedUnread(
  { status, reason, client }: Unread,
  { listener, endedMs }: Pick<Recorded, "listener" | "endedMs">,
): Recorded {
  return {
    id: randomUUID(),
    reason: "unread",
    listener,
    endedMs,
    durationMs: 0,
    method: "",
    scheme: "",
    authority: "",
    path: "",
    client: client === "" ? undefined : client,
    route: undefined,
    status,
    ending: status === undefined ? "none" : "complete",
    fault: {
      tag: status === undefined ? "HandshakeFailed" : "Unreadable",
      origin: "local",
      facts: {},
      cause: bounded(reason),
    },
    trail: [],
  };
}
