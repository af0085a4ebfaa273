export { type ClientSettings, type ClientUnderTest, type MakeClient } from "./client-bench.ts";
export * from "./client-conformance.ts";
export * from "./client-contract.ts";
export * from "./difference-table.ts";
export { BareConnection, BareOrigin } from "./bare-origin.ts";
export { FedBody } from "./fed-body.ts";
