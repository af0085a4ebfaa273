import { rangeError } from "@pagoda/core";
import { isProtocolName, protocolsOf, speaksHttp } from "../upgrades.ts";

/**
 * The protocols for which a server opens tunnels: only configured ones, and never one that would
 * bypass the stack.
 */
export class Tunnels {
  /** Whether `CONNECT` is allowed. */
  readonly connects: boolean;
  readonly #protocols: ReadonlySet<string>;

  /** @throws RangeError for a name that is not a protocol, or that carries HTTP. */
  constructor(names: readonly string[]) {
    for (const name of names)
      if (!isProtocolName(name) || speaksHttp(name))
        throw rangeError("serve: upgrades", "protocols other than HTTP", name);
    const protocols = new Set(names.map((name) => name.toLowerCase()));
    this.connects = protocols.delete("connect");
    this.#protocols = protocols;
  }

  has(protocol: string): boolean {
    return this.#protocols.has(protocol.toLowerCase());
  }

  /**
   * Returns the enabled protocols in the `Upgrade` field of an HTTP/1.1 request, as the client
   * wrote them. Others are ignored (RFC 9110, 7.8), and so is the whole field in HTTP/1.0.
   */
  wantedBy({
    upgrade,
    minor,
  }: {
    readonly upgrade: string | undefined;
    readonly minor: number;
  }): string | undefined {
    if (upgrade === undefined || minor === 0) return undefined;
    const wanted = protocolsOf(upgrade).filter((protocol) => this.has(protocol));
    return wanted.length === 0 ? undefined : wanted.join(", ");
  }
}
