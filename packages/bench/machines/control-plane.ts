// A control plane in a process of its own, so that neither its work nor the client's delays the other.
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { AssigningControlPlane, assignment } from "@pagoda/xds/testing";

/** The addresses of a cluster's endpoints. */
export interface Assigned {
  readonly healthy: readonly string[];
  /** Those that the control plane considers unhealthy. */
  readonly unhealthy?: readonly string[];
}

export type Assignments = Readonly<Record<string, Assigned>>;

export interface RunningControlPlane extends AsyncDisposable {
  readonly url: string;
  assign(clusters: Assignments): void;
}

const self = fileURLToPath(import.meta.url);

export async function startControlPlane(): Promise<RunningControlPlane> {
  const child = fork(self, { serialization: "advanced" });
  const ended = once(child, "exit");
  const [url] = (await once(child, "message")) as [string];
  return {
    url,
    assign: (clusters) => void child.send(clusters),
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

const unhealthyStatus = 2;

function messagesOf(clusters: Assignments): Parameters<AssigningControlPlane["assign"]>[0] {
  const messages = Object.entries(clusters).map(([name, { healthy, unhealthy = [] }]) => {
    const message = assignment(name, ...healthy, ...unhealthy);
    for (const { lbEndpoints } of message.endpoints)
      for (const endpoint of lbEndpoints.slice(healthy.length)) endpoint.healthStatus = unhealthyStatus;
    return [name, message] as const;
  });
  return Object.fromEntries(messages);
}

if (process.argv[1] === self && process.send !== undefined) {
  const plane = await new AssigningControlPlane().listen();
  process.on("message", (clusters: Assignments) => plane.assign(messagesOf(clusters)));
  process.once("disconnect", () => process.exit(0));
  process.send(plane.url);
}
