import {
  checkNumber,
  checkOneOf,
  checkOption,
  type Clock,
  notShown,
  type Random,
  systemClock,
  systemRandom,
} from "@pagoda/core";
import { type Server, serverOf } from "./server.ts";

const modes = ["single", "sentinel", "cluster"] as const;

type Mode = (typeof modes)[number];

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
  /**
   * URL of the server: `redis://[user[:password]@]host[:port][/database]`, or `rediss://` for TLS.
   * Several: the sentinels, or some nodes of the cluster.
   */
  readonly url: string | readonly string[];
  /** Default: `single`. */
  readonly mode?: Mode;
  /** Name of the master that the sentinels watch; required with `mode: "sentinel"`. */
  readonly master?: string;
  /** Default: those in the URL, which with `mode: "sentinel"` are for the sentinels only. */
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
  /** The server, sentinels, or nodes, with the user and password for those in the URLs. */
  readonly servers: readonly [Server, ...Server[]];
  readonly mode: Mode;
  readonly master: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
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
  const {
    mode = "single",
    master = "",
    timeoutMs = 50,
    prefix = "pagoda",
    tls = {},
    observer = {},
  } = options;
  const { clock = systemClock, random = systemRandom } = options;
  checkNumber("redis: timeoutMs", timeoutMs, { above: 0, max: 60_000 });
  checkOneOf("redis: mode", mode, modes);
  const isSentinel = mode === "sentinel";
  const mastered = isSentinel ? "the name of a master" : 'absent without mode "sentinel"';
  checkOption("redis: master", options.master, isSentinel === (master !== ""), mastered);
  const servers = serversOf(options.url, mode);
  checkOption(
    "redis: tls",
    notShown,
    options.tls === undefined || servers[0].isTls,
    "absent without rediss://",
  );
  const ofUrl = isSentinel ? undefined : servers[0];
  const username = options.username ?? ofUrl?.username;
  const password = options.password ?? ofUrl?.password;
  const { secret = password ?? "" } = options;
  return {
    servers,
    mode,
    master,
    username,
    password,
    tls,
    secret,
    prefix,
    timeoutMs,
    observer,
    clock,
    random,
  };
}

function serversOf(url: string | readonly string[], mode: Mode): readonly [Server, ...Server[]] {
  const urls = typeof url === "string" ? [url] : url;
  const isEnough = mode === "single" ? urls.length === 1 : urls.length > 0;
  checkOption("redis: url", urls.length, isEnough, mode === "single" ? "one URL" : "at least one URL");
  const servers = urls.map((each) => serverOf(each, mode === "sentinel" ? 26_379 : 6_379));
  const [first, ...others] = servers as [Server, ...Server[]];
  const isSame = others.every(({ isTls }) => isTls === first.isTls);
  checkOption("redis: url", notShown, isSame, "rediss:// for all servers or for none");
  return [first, ...others];
}
