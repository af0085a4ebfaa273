import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pagoda } from "./program.ts";

/** A folder of a test: a configuration, and what it names. */
export class Folder implements Disposable {
  readonly path: string = mkdtempSync(join(tmpdir(), "pagoda-e2e-"));

  file(name: string): string {
    return join(this.path, name);
  }

  /** Replaces a file as careful programs do: nobody ever sees a half of it. */
  write(name: string, content: string | object): string {
    const file = this.file(name);
    writeFileSync(`${file}.new`, typeof content === "string" ? content : JSON.stringify(content));
    renameSync(`${file}.new`, file);
    return file;
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true });
  }
}

/** A listener on a free port. */
export const anywhere = { address: "127.0.0.1:0" };

/** A route that answers by itself. */
export function says(body: string, name: string = "all"): object {
  return { name, respond: { status: 200, body } };
}

/** One listener with one route to one cluster. */
export function through(cluster: object, listener: object = {}, policies: object = {}): object {
  const routes = [{ name: "all", cluster: "origin", policies }];
  return { listeners: [{ ...anywhere, name: "main", routes, ...listener }], clusters: { origin: cluster } };
}

/** A proxy that runs with a configuration of its own. */
export async function configured(
  folder: Folder,
  config: object,
  env: Readonly<Record<string, string>> = {},
): Promise<Pagoda> {
  const file = folder.write("pagoda.yaml", config);
  return Pagoda.start({ PROXY_CONFIG: file, PROXY_LISTEN_ADDR: "", ...env });
}
