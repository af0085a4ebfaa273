import { existsSync, mkdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";

const mount = "/sys/fs/cgroup";
const MiB = 1_024 ** 2;

/** A control group for memory, of either version, as a container has one. Requires root. */
export class MemoryGroup {
  readonly #folder: string;
  readonly #isV2: boolean;

  constructor(name: string) {
    this.#isV2 = existsSync(join(mount, "cgroup.controllers"));
    this.#folder = join(mount, this.#isV2 ? "" : "memory", name);
    mkdirSync(this.#folder);
  }

  /** The command that starts a program as a member. */
  command(...words: readonly string[]): readonly string[] {
    return ["sh", "-c", `echo $$ >${this.#folder}/cgroup.procs && exec "$@"`, "sh", ...words];
  }

  /** In MiB, as the kubelet counts: without file pages that have not been used lately. */
  get workingSet(): number {
    const usage = this.#number(this.#isV2 ? "memory.current" : "memory.usage_in_bytes");
    const name = this.#isV2 ? "inactive_file" : "total_inactive_file";
    const [, inactive] = new RegExp(`^${name} (\\d+)$`, "m").exec(this.#text("memory.stat")) ?? [];
    return (usage - Number(inactive)) / MiB;
  }

  /** In MiB, without all file pages: what is left under pressure. */
  get anonymous(): number {
    const name = this.#isV2 ? "anon" : "total_rss";
    return Number(new RegExp(`^${name} (\\d+)$`, "m").exec(this.#text("memory.stat"))?.[1]) / MiB;
  }

  /** After its processes have ended. */
  remove(): void {
    rmdirSync(this.#folder);
  }

  #number(name: string): number {
    return Number(this.#text(name));
  }

  #text(name: string): string {
    return readFileSync(join(this.#folder, name), "utf8");
  }
}
