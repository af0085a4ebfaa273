import { fileURLToPath } from "node:url";
import { type Built, built } from "./build.ts";

/**
 * Builds the API server of Kubernetes unless that has been done: nobody ships the program alone. It takes 4 GiB in Go's
 * caches.
 */
export function kubeApiserver(): Promise<Built> {
  return built({
    program: "kube-apiserver",
    source: fileURLToPath(new URL("kube-apiserver", import.meta.url)),
    from: ".",
    module: "k8s.io/kubernetes",
    flags: (version) => `-X k8s.io/component-base/version.gitVersion=v${version}`,
    minutes: "20 minutes",
  });
}
