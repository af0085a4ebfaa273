export * from "./ext-authz.ts";
