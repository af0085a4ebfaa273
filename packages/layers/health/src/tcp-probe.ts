import { connect } from "node:net";
import { type Endpoint, isLocalFailure } from "@pagoda/core";
import { probeFailed, type Probe, type ProbeResult, probeInconclusive, probeSucceeded } from "./probe.ts";

/** Address a probe connects to. */
export interface Address {
  /** Host name or IP address, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

export interface TcpProbeOptions<in E extends Endpoint> {
  readonly address: (endpoint: E) => Address;
}

/**
 * Succeeds if the endpoint accepts a TCP connection, which is closed at once. For endpoints that
 * offer nothing better: it shows that the machine is up and something listens, not that it works.
 *
 * Errors: `ProbeFailed` with the system's error code, such as `ECONNREFUSED`. Cost: one connection
 * per check.
 */
export function tcpProbe<E extends Endpoint = Endpoint>({ address }: TcpProbeOptions<E>): Probe<E> {
  return async (endpoint, signal) => {
    const { host, port } = address(endpoint);
    return new Promise<ProbeResult>((resolve) => {
      const socket = connect({ host, port });
      const end = (result: ProbeResult): void => {
        signal.removeEventListener("abort", onAbort);
        socket.destroy();
        resolve(result);
      };
      const onAbort = (): void => end(probeInconclusive("aborted", signal.reason));
      if (signal.aborted) onAbort();
      else signal.addEventListener("abort", onAbort);
      socket.on("connect", () => end(probeSucceeded));
      // Not removed: a socket destroyed while connecting may still emit an error.
      socket.on("error", (cause) => end(unconnected(cause)));
    });
  };
}

/**
 * The result of a probe that could not connect. A local failure says nothing about the endpoint.
 */
export function unconnected(cause: unknown): ProbeResult {
  const reason = `cannot connect: ${codeOf(cause)}`;
  return isLocalFailure(cause) ? probeInconclusive(reason, cause) : probeFailed(reason, cause);
}

/** The system's error code; if several addresses failed, that of the first. */
export function codeOf(error: unknown): string {
  const { code, errors, message } = error as NodeJS.ErrnoException & { readonly errors?: readonly unknown[] };
  const [first] = errors ?? [];
  return code ?? (first === undefined ? message : codeOf(first));
}
