import { redisLimits, type RedisLimitsOptions } from "@pagoda/redis";
import { expect, test } from "vitest";

const url = "redis://127.0.0.1:1";

test.each<[RedisLimitsOptions, string]>([
  [{ url, timeoutMs: 0 }, "timeoutMs must be a number above 0 and at most 60000 (got 0)"],
  [{ url: [url, url] }, "url must be one URL (got 2)"],
  [{ url: [], mode: "cluster" }, "url must be at least one URL (got 0)"],
  [{ url: "http://:pw@a:1" }, "url must be redis://host:port or rediss://host:port (value not shown)"],
  [{ url: "redis://a:1/x" }, "url must be redis://host:port or rediss://host:port (value not shown)"],
  [
    { url: [url, "rediss://a:1"], mode: "cluster" },
    "url must be rediss:// for all servers or for none (value not shown)",
  ],
  [{ url, tls: {} }, "tls must be absent without rediss:// (value not shown)"],
  [{ url, mode: "sentinel" }, "master must be the name of a master (missing)"],
  [{ url, master: "m" }, 'master must be absent without mode "sentinel" (got "m")'],
])("refuses %j", (options, message) => {
  expect(() => redisLimits(options)).toThrow(new RangeError(`redis: ${message}`));
});
