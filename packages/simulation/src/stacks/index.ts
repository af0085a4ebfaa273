import type { Environment, Simulated } from "../environment.ts";
import { client } from "./client.ts";
import { direct } from "./direct.ts";
import { gateway } from "./gateway.ts";
import { mesh } from "./mesh.ts";
import { server } from "./server.ts";

/** The stacks by their command-line names. */
export const stacks = { client, server, gateway, direct, mesh } satisfies Record<
  string,
  (environment: Environment) => Simulated
>;

export type StackName = keyof typeof stacks;

export const stackNames: readonly StackName[] = ["client", "server", "gateway", "direct", "mesh"];
