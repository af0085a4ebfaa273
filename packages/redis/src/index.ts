export type { RedisLimitsOptions, RedisObserver, RedisTls } from "./options.ts";
export * from "./redis-limits.ts";
