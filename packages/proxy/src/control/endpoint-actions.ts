import { isLeft } from "@pagoda/core";
import { type HttpResponse, text } from "@pagoda/http";
import { durations } from "../schema/quantities.ts";
import { patience } from "../schema/units.ts";
import type { Action } from "./admin-action.ts";
import type { EndpointOperations, Unperformed } from "./endpoint-operations.ts";

const maxMs = 24 * durations.h;
const defaultTime = "10m";

/** The actions on endpoints, by path. */
export function endpointActions(endpoints: EndpointOperations): Readonly<Record<string, Action>> {
  const cluster = "name of a cluster";
  const endpoint = "its origin, or host and port";
  return {
    "/endpoints/eject": {
      about: "sends an endpoint no requests for a time; those in flight finish",
      parameters: {
        cluster,
        endpoint,
        for: `duration from 1s to 24h; default ${defaultTime}`,
        force: "true: also the last healthy endpoint",
      },
      async act(given) {
        const missing = missingIn(given, ["cluster", "endpoint"]);
        if (missing !== undefined) return missing;
        const time = given.get("for") ?? defaultTime;
        const forMs = patience.safeParse(time);
        if (!forMs.success || forMs.data > maxMs)
          return text(`for must be a duration from 1s to 24h, such as 10m (got "${time}")\n`, 400);
        const force = given.get("force");
        if (force !== null && force !== "true")
          return text(`force must be true, or absent (got "${force}")\n`, 400);
        const done = await endpoints.eject({
          cluster: given.get("cluster") as string,
          endpoint: given.get("endpoint") as string,
          forMs: forMs.data,
          force: force === "true",
        });
        if (isLeft(done)) return unperformed(done.left);
        const { right: ejected } = done;
        const until = new Date(ejected.until).toISOString();
        return text(`ejected ${ejected.endpoint} of cluster ${ejected.cluster} until ${until}\n`);
      },
    },
    "/endpoints/return": {
      about: "ends such an ejection",
      parameters: { cluster, endpoint },
      async act(given) {
        const missing = missingIn(given, ["cluster", "endpoint"]);
        if (missing !== undefined) return missing;
        const name = given.get("cluster") as string;
        const done = await endpoints.end(name, given.get("endpoint") as string);
        if (isLeft(done)) return unperformed(done.left);
        return text(`returned ${done.right.endpoint} of cluster ${name}\n`);
      },
    },
    "/breakers/reset": {
      about: "closes open circuits and ends ejections by outlier detection",
      parameters: { cluster: `${cluster}; default: all`, endpoint: `${endpoint}; default: all` },
      async act(given) {
        const missing = given.has("endpoint") ? missingIn(given, ["cluster"]) : undefined;
        if (missing !== undefined) return missing;
        const done = await endpoints.reset({
          cluster: given.get("cluster") ?? undefined,
          endpoint: given.get("endpoint") ?? undefined,
        });
        if (isLeft(done)) return unperformed(done.left);
        const lines = done.right.map(
          (each) => `reset ${each.policy} of ${each.endpoint} of cluster ${each.cluster}\n`,
        );
        return text(lines.join(""));
      },
    },
  };
}

function missingIn(given: URLSearchParams, names: readonly string[]): HttpResponse | undefined {
  const missing = names.find((name) => !given.has(name));
  return missing === undefined ? undefined : text(`${missing} is required\n`, 400);
}

function unperformed({ _tag, message }: Unperformed): HttpResponse {
  return text(`${message}\n`, _tag === "unknown" ? 404 : 409);
}
