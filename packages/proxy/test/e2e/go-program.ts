import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { beforeAll, type TestContext } from "vitest";

const cache = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "pagoda");

/** A program in a folder beside this file, which Go builds once: it depends only on the files there. */
export class GoProgram {
  readonly path: string;
  readonly #source: string;

  constructor(name: string) {
    this.#source = join(import.meta.dirname, name);
    const contents = readdirSync(this.#source).map((file) => readFileSync(join(this.#source, file)));
    const digest = createHash("sha256").update(Buffer.concat(contents)).digest("hex").slice(0, 16);
    this.path = join(cache, name, digest);
  }

  /** Builds it before the tests of a file, if that is possible. */
  builds(): void {
    beforeAll(() => {
      if (existsSync(this.path) || !hasGo()) return;
      mkdirSync(dirname(this.path), { recursive: true });
      const incomplete = `${this.path}.${process.pid}`;
      execFileSync("nice", ["go", "build", "-buildvcs=false", "-o", incomplete, "."], {
        cwd: this.#source,
        stdio: "pipe",
      });
      renameSync(incomplete, this.path);
    }, 900_000);
  }

  skipWithout(skip: TestContext["skip"]): void {
    skip(!existsSync(this.path), "impossible here: needs Go 1.24 or newer (https://go.dev/dl)");
  }
}

/** Go 1.24 or newer, which the modules need; Debian 12 has 1.19. */
function hasGo(): boolean {
  const { stdout } = spawnSync("go", ["env", "GOVERSION"], { encoding: "utf8" });
  const [, minor] = /^go1\.(\d+)/.exec(stdout ?? "") ?? [];
  return Number(minor) >= 24;
}
