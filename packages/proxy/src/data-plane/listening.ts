/** The address of a listener. */
export interface Listening {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** `https://` with TLS. */
  readonly url: string;
}
