import { notShown, rangeError } from "@pagoda/core";

/** A server, and how to log in there. */
export interface Server {
  readonly host: string;
  readonly port: number;
  readonly isTls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
}

/** Host and port, for messages. */
export function addressOf({ host, port }: Pick<Server, "host" | "port">): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** @throws RangeError if the URL is invalid. It may contain a password, so it is not shown. */
export function serverOf(text: string, defaultPort: number = 6379): Server {
  const url = URL.parse(text);
  const isScheme = url?.protocol === "redis:" || url?.protocol === "rediss:";
  if (!isScheme || url.hostname === "" || !/^\/?\d*$/.test(url.pathname) || url.search + url.hash !== "")
    throw rangeError("redis: url", "redis://host:port or rediss://host:port", notShown);
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? defaultPort : Number(url.port),
    isTls: url.protocol === "rediss:",
    username: url.username === "" ? undefined : decodeURIComponent(url.username),
    password: url.password === "" ? undefined : decodeURIComponent(url.password),
    database: Number(url.pathname.slice(1)),
  };
}
