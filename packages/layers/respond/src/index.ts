export type { Problem } from "./problem.ts";
export * from "./respond.ts";
