export * from "./hedge.ts";
export { type HedgeHistory, hedgeHistory } from "./history.ts";
