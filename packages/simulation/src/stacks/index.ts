import type { Setting, Simulated } from "../setting.ts";
import { client } from "./client.ts";
import { direct } from "./direct.ts";
import { gateway } from "./gateway.ts";
import { mesh } from "./mesh.ts";
import { server } from "./server.ts";

/** The stacks, by the names that the command line knows. */
export const stacks = { client, server, gateway, direct, mesh } satisfies Record<
  string,
  (setting: Setting) => Simulated
>;

export type StackName = keyof typeof stacks;

export const stackNames: readonly StackName[] = ["client", "server", "gateway", "direct", "mesh"];
