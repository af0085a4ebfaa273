import {
  checkNumber,
  checkOption,
  type Clock,
  notShown,
  type Random,
  systemClock,
  systemRandom,
} from "@pagoda/core";
import { type Server, serverOf } from "./server.ts";

/** TLS with Redis. */
export interface RedisTls {
  /** Certificates of authorities in PEM format. Default: those of Node. */
  readonly ca?: string;
  /** Own certificate in PEM format, with `key`. */
  readonly cert?: string;
  readonly key?: string;
  /** Name that the server's certificate must have. Default: the host of its URL. */
  readonly servername?: string;
}

/** Receives events, for metrics and logs. Must not throw. */
export interface RedisObserver {
  /** A connection is ready. */
  readonly connected?: (server: string) => void;
  /** A connection broke or could not be established. Attempts continue. */
  readonly disconnected?: (server: string, reason: string) => void;
}

export interface RedisLimitsOptions {
  /** URL of the server: `redis://[user[:password]@]host[:port][/database]`, or `rediss://` for TLS. */
  readonly url: string;
  /** Default: those in the URL. */
  readonly username?: string;
  readonly password?: string;
  /** With a `rediss://` URL. */
  readonly tls?: RedisTls;
  /**
   * Keys of clients are stored as hashes, since they may be credentials: with this secret, the same
   * on all machines. Default: the password, or none.
   */
  readonly secret?: string;
  /** First part of the names of Redis keys. Default: `pagoda`. */
  readonly prefix?: string;
  /** Time limit of a command in milliseconds: over 0, up to 60,000. Default 50. */
  readonly timeoutMs?: number;
  readonly observer?: RedisObserver;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** Options with their defaults applied. */
export interface Checked {
  readonly server: Server;
  readonly tls: RedisTls;
  readonly secret: string;
  readonly prefix: string;
  readonly timeoutMs: number;
  readonly observer: RedisObserver;
  readonly clock: Clock;
  readonly random: Random;
}

/** @throws RangeError if an option is invalid. */
export function checked(options: RedisLimitsOptions): Checked {
  const { timeoutMs = 50, prefix = "pagoda", tls = {}, observer = {} } = options;
  const { clock = systemClock, random = systemRandom } = options;
  checkNumber("redis: timeoutMs", timeoutMs, { above: 0, max: 60_000 });
  const named = serverOf(options.url);
  const username = options.username ?? named.username;
  const password = options.password ?? named.password;
  const server = { ...named, username, password };
  checkOption(
    "redis: tls",
    notShown,
    server.isTls || options.tls === undefined,
    "absent with a redis:// URL",
  );
  const { secret = password ?? "" } = options;
  return { server, tls, secret, prefix, timeoutMs, observer, clock, random };
}
