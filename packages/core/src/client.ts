/** The client that makes a request. */
export interface Client {
  /** IP address, canonical (see `canonicalAddress`); `local` for requests made in this process. */
  readonly address: string;
  /**
   * Identity from the verified client certificate: its URI (a SPIFFE ID, for example), else its
   * first DNS name, else its subject's common name. Absent without a certificate, when the
   * certificate has none of these, and when the request comes through a trusted proxy, whose
   * certificate says nothing about its clients.
   */
  readonly identity?: string | undefined;
}

/**
 * A request whose client is known. Limits, authorization, hashing and logs all read it and
 * therefore agree. A layer that authenticates clients in another way passes on a copy of the
 * request with its own `client`.
 */
export interface FromClient {
  /** The peer or, behind trusted proxies, the nearest address that is not a trusted proxy. */
  readonly client: Client;
}
