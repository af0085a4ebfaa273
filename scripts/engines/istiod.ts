import { fileURLToPath } from "node:url";
import { type Built, built } from "./build.ts";

/** Builds istiod, the control plane of Istio, unless that has been done. */
export function istiod(): Promise<Built> {
  return built({
    program: "pilot-discovery",
    source: fileURLToPath(new URL("istiod", import.meta.url)),
    from: "istio.io/istio/pilot/cmd/pilot-discovery",
    module: "istio.io/istio",
    flags: (version) => `-X istio.io/istio/pkg/version.buildVersion=${version}`,
    minutes: "9 minutes",
  });
}
