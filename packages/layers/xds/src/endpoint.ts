import type { Endpoint } from "@pagoda/core";

/** Where an endpoint runs. */
export interface Locality {
  readonly region?: string;
  readonly zone?: string;
  readonly subZone?: string;
}

/** An endpoint as a control plane assigns it. */
export interface XdsEndpoint extends Endpoint {
  readonly address: string;
  readonly port: number;
  /** Its host name, if the control plane gives one: the name that its certificate must have. */
  readonly host?: string;
  readonly locality?: Locality;
  /**
   * Why it should get no calls, according to the control plane: `UNHEALTHY`, `TIMEOUT` or
   * `DEGRADED`. Pass it to `reportedHealth` of `@pagoda/health`.
   */
  readonly unhealthy?: string;
}
