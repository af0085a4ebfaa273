import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { command } from "../command.ts";

const source = fileURLToPath(new URL("kube-apiserver", import.meta.url));

/**
 * Builds the API server of Kubernetes unless that has been done: nobody ships the program alone. It takes about 20 minutes of
 * one core, and 4 GiB in Go's caches.
 *
 * @returns The folder with `kube-apiserver`, or what is missing.
 */
export async function kubeApiserver(): Promise<{ readonly folder: string } | { readonly missing: string }> {
  const [version = ""] = /(?<=k8s\.io\/kubernetes v)[\d.]+/u.exec(text("go.mod")) ?? [];
  // Another recipe makes another program.
  const recipe = createHash("sha256");
  for (const name of ["go.mod", "go.sum", "main.go"]) recipe.update(text(name));
  const cache = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  const folder = join(cache, "pagoda/kube", `${version}-${recipe.digest("hex").slice(0, 12)}`);
  const program = join(folder, "kube-apiserver");
  if (existsSync(program)) return { folder };
  if ((await command("go", ["version"])).code !== 0) return { missing: "Go, to build kube-apiserver" };
  console.log(`Building kube-apiserver ${version}, about 20 minutes of one core …`);
  mkdirSync(folder, { recursive: true });
  const flags = ["-trimpath", "-ldflags", `-s -w -X k8s.io/component-base/version.gitVersion=v${version}`];
  // A build that is interrupted leaves nothing that looks complete.
  const built = await command("nice", ["go", "build", ...flags, "-o", `${program}.new`, "."], {
    cwd: source,
  });
  if (built.code !== 0) return { missing: `kube-apiserver, which does not build:\n${built.output}` };
  renameSync(`${program}.new`, program);
  return { folder };
}

function text(name: string): string {
  return readFileSync(join(source, name), "utf8");
}
