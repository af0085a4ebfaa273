/** Who makes a request. */
export interface Client {
  /** IP address, canonical (see `canonicalAddress`); `local` for requests made in this process. */
  readonly address: string;
  /**
   * Who it is, by its verified certificate: the URI in it (a SPIFFE id where it is one), else its first DNS name, else its
   * subject's common name. Absent where there is no certificate, or none of these in it, and where the request comes by
   * way of a trusted proxy: that one's certificate says nothing about its clients.
   */
  readonly identity?: string | undefined;
}

/**
 * A request whose client is known. Limits, authorization, hashing and logs all read it, so that they cannot disagree. A
 * layer that authenticates clients in another way passes on a copy with its own `client`.
 */
export interface FromClient {
  /** The peer, or, behind trusted proxies, the nearest address that is not one. */
  readonly client: Client;
}
