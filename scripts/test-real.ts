// `npm run test:real`: tests with engines that are too heavy for `npm test`, named `*.real.ts`. The engines are built once.
// Everything runs in a network namespace of its own, with addresses that a Kubernetes API server accepts for endpoints.
import { delimiter } from "node:path";
import { command } from "./command.ts";
import { helm } from "./engines/helm.ts";
import { istiod } from "./engines/istiod.ts";
import { kubeApiserver } from "./engines/kubernetes.ts";

/** Addresses of endpoints in the tests: 10.199.0.1 to 10.199.0.254. */
const addresses = "10.199.0.1/24";

const missing = await missingParts();
if (missing !== undefined) {
  console.error(`npm run test:real: not found: ${missing}`);
  process.exitCode = 1;
} else {
  const setUp = `ip link set lo up && ip addr add ${addresses} dev lo && exec "$@"`;
  const vitest = ["vitest", "run", "--config", "vitest.real.config.ts", ...process.argv.slice(2)];
  const isRoot = process.getuid?.() === 0;
  const namespace = ["--net", ...(isRoot ? [] : ["--map-root-user"])];
  const { code } = await command("unshare", [...namespace, "sh", "-c", setUp, "sh", ...vitest], {
    live: true,
  });
  process.exitCode = code;
}

/** Adds what is built to the path. Returns the first program that is missing, if any. */
async function missingParts(): Promise<string | undefined> {
  for (const [program, debian] of [
    ["etcd", "etcd-server"],
    ["ip", "iproute2"],
    ["unshare", "util-linux"],
  ] as const)
    if ((await command("which", [program])).code !== 0) return `${program} (Debian: ${debian})`;
  for (const build of [helm, istiod, kubeApiserver]) {
    const built = await build();
    if ("missing" in built) return built.missing;
    process.env["PATH"] = `${built.folder}${delimiter}${process.env["PATH"] ?? ""}`;
  }
  return undefined;
}
