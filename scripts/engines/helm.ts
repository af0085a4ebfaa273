import { fileURLToPath } from "node:url";
import { type Built, built } from "./build.ts";

/** Builds Helm unless that has been done. Debian has no package of it. */
export function helm(): Promise<Built> {
  return built({
    program: "helm",
    source: fileURLToPath(new URL("helm", import.meta.url)),
    from: "helm.sh/helm/v4/cmd/helm",
    module: "helm.sh/helm/v4",
    flags: (version) => `-X helm.sh/helm/v4/internal/version.version=v${version}`,
    minutes: "4 minutes",
  });
}
