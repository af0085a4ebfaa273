export * from "./to-node.ts";
