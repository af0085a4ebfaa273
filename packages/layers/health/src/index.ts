export type { Check, HealthCheckObserver, HealthCheckOptions } from "./check-options.ts";
export type { GrpcAddress, GrpcTls } from "./grpc-connection.ts";
export { type Ejection, type OutlierEjections, outlierEjections } from "./ejections.ts";
export * from "./grpc-probe.ts";
export * from "./health-check.ts";
export * from "./http-probe.ts";
export * from "./outlier-detection.ts";
export type { OutlierDetectionOptions, OutlierObserver } from "./outlier-options.ts";
export * from "./reported-health.ts";
export {
  probeFailed,
  type Probe,
  type ProbeFailed,
  type ProbeResult,
  probeInconclusive,
  probeSucceeded,
} from "./probe.ts";
export { type Address, tcpProbe, type TcpProbeOptions } from "./tcp-probe.ts";
