import type { IncomingMessage } from "node:http";
import { isProtocolName, protocolsOf, speaksHttp } from "../http/upgrades.ts";

/** The tunnels that a server opens: those that were named, and none that would carry HTTP past the stack. */
export class Tunnels {
  /** Whether `CONNECT` opens one. */
  readonly connects: boolean;
  readonly #protocols: ReadonlySet<string>;

  /** @throws RangeError for a name that is no protocol, or one of HTTP. */
  constructor(names: readonly string[]) {
    for (const name of names)
      if (!isProtocolName(name) || speaksHttp(name))
        throw new RangeError(`serve: upgrades must be protocols other than HTTP (got "${name}")`);
    const protocols = new Set(names.map((name) => name.toLowerCase()));
    this.connects = protocols.delete("connect");
    this.#protocols = protocols;
  }

  has(protocol: string): boolean {
    return this.#protocols.has(protocol.toLowerCase());
  }

  /**
   * What a request of HTTP/1.1 asks for that is offered here, as it asks. The rest of `Upgrade` is ignored (RFC 9110,
   * 7.8), as it is in HTTP/1.0.
   */
  wantedBy({ headers, method, httpVersionMinor }: IncomingMessage): string | undefined {
    if (headers.upgrade === undefined || httpVersionMinor === 0 || method === "CONNECT") return undefined;
    const wanted = protocolsOf(headers.upgrade).filter((protocol) => this.has(protocol));
    return wanted.length === 0 ? undefined : wanted.join(", ");
  }
}
