export type { RedisLimitsOptions, RedisObserver, RedisTls } from "./options.ts";
export type { CommandCounts } from "./connection.ts";
export * from "./redis-limits.ts";
