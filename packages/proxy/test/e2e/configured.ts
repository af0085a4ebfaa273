import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Pagoda } from "./program.ts";

/** A temporary folder: a configuration and the files it refers to. */
export class Folder implements Disposable {
  readonly path: string = mkdtempSync(join(tmpdir(), "pagoda-e2e-"));

  file(name: string): string {
    return join(this.path, name);
  }

  /** Replaces a file atomically. */
  write(name: string, content: string | object): string {
    const file = this.file(name);
    mkdirSync(dirname(file), { recursive: true });
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

/** A route with a direct response. */
export function says(body: string, name: string = "all"): object {
  return { name, respond: { status: 200, body } };
}

/** One listener with one route to one cluster. */
export function through(cluster: object, listener: object = {}, policies: object = {}): object {
  const routes = [{ name: "all", cluster: "origin", policies }];
  return { listeners: [{ ...anywhere, name: "main", routes, ...listener }], clusters: { origin: cluster } };
}

/** A proxy running with this configuration. */
export async function configured(
  folder: Folder,
  config: object,
  env: Readonly<Record<string, string>> = {},
): Promise<Pagoda> {
  const file = folder.write("pagoda.yaml", config);
  return Pagoda.start({ PROXY_CONFIG: file, PROXY_LISTEN_ADDR: "", ...env });
}
