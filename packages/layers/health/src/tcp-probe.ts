import { connect } from "node:net";
import { type Endpoint, isLocalFailure } from "@pagoda/core";
import { illProbed, type Probe, type ProbeResult, unprobed, wellProbed } from "./probe.ts";

/** Where a probe connects to. */
export interface Address {
  /** A name or an IP address, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

export interface TcpProbeOptions<in E extends Endpoint> {
  readonly address: (endpoint: E) => Address;
}

/**
 * Well is what accepts a TCP connection, which is closed again at once. For endpoints that offer nothing better: it
 * shows that the machine is up and something listens, not that anything works.
 *
 * Errors: `ProbeFailed` with the code of the system, such as `ECONNREFUSED`. Cost: one connection for each check.
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
      const onAbort = (): void => end(unprobed("aborted", signal.reason));
      if (signal.aborted) onAbort();
      else signal.addEventListener("abort", onAbort);
      socket.on("connect", () => end(wellProbed));
      // Stays: a socket that is destroyed while it connects may still fail.
      socket.on("error", (cause) => end(unconnected(cause)));
    });
  };
}

/** The result of a probe that got no connection: trouble of this machine's own says nothing about the endpoint. */
export function unconnected(cause: unknown): ProbeResult {
  const reason = `cannot connect: ${codeOf(cause)}`;
  return isLocalFailure(cause) ? unprobed(reason, cause) : illProbed(reason, cause);
}

/** As the system has it; of several addresses that failed, the first one's. */
export function codeOf(error: unknown): string {
  const { code, errors, message } = error as NodeJS.ErrnoException & { readonly errors?: readonly unknown[] };
  const [first] = errors ?? [];
  return code ?? (first === undefined ? message : codeOf(first));
}
