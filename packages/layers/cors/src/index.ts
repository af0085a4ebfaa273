export * from "./cors.ts";
export { originProblem } from "./origins.ts";
