import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { globSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { parse } from "yaml";
import { Folder } from "./configured.ts";
import { Pagoda } from "./program.ts";
import { quietPort } from "./quiet-port.ts";
import { adopt, need, type Tool } from "./system.ts";

const folder = join(import.meta.dirname, "../../deploy/compose");

export interface ComposeService {
  readonly image: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
}

export const composeFile: string = join(folder, "compose.yaml");
export const composeServices: Readonly<Record<string, ComposeService>> = (
  parse(readFileSync(composeFile, "utf8"), { merge: true }) as {
    readonly services: Readonly<Record<string, ComposeService>>;
  }
).services;

/** The files and folders of this machine that a service sees, by their path in the container. */
export function mounts({ volumes = [] }: ComposeService): ReadonlyMap<string, string> {
  const binds = volumes.map((volume) => volume.split(":")).filter(([source = ""]) => source.startsWith("."));
  return new Map(binds.map(([source = "", target = ""]) => [target, resolve(folder, source)]));
}

/**
 * The services of the compose file as plain processes: the same commands, files and environments. Each port of a service is
 * another one on loopback, and each path of a container is a folder of its own.
 */
export class Composed implements AsyncDisposable {
  readonly pagodas = new Map<string, Pagoda>();
  readonly #parts: AsyncDisposable[] = [];
  readonly #ports = new Map<string, number>();

  private constructor() {}

  /** @param services Their names, in the order in which they start. */
  static async start(...services: readonly string[]): Promise<Composed> {
    const composed = new Composed();
    for (const name of services) await composed.#start(name);
    return composed;
  }

  /** Where a port of a service is. */
  async url(service: string, port: number): Promise<string> {
    return `http://127.0.0.1:${await this.#port(service, port)}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const part of this.#parts.toReversed()) await part[Symbol.asyncDispose]();
  }

  async #start(name: string): Promise<void> {
    const service = composeServices[name];
    if (service === undefined) throw new Error(`no service ${name}`);
    const files = new Folder();
    this.#parts.push({ [Symbol.asyncDispose]: async () => files[Symbol.dispose]() });
    for (const [target, source] of mounts(service))
      for (const file of globSync("**", { cwd: source })) {
        if (!statSync(join(source, file)).isFile()) continue;
        files.write(
          join(target, file),
          await this.#mapped(name, readFileSync(join(source, file), "utf8"), files),
        );
      }
    const paths = (text: string): string => this.#paths(name, text, files);
    const [image = ""] = service.image.split(":");
    if (image === "pagoda") {
      const config = service.environment?.["PROXY_CONFIG"] ?? "/etc/pagoda/pagoda.yaml";
      const unset = { PROXY_LISTEN_ADDR: "", PROXY_METRICS_ADDR: "", PROXY_WORKERS: "" };
      const pagoda = await Pagoda.start({ ...unset, PROXY_CONFIG: paths(config) });
      this.pagodas.set(name, pagoda);
      this.#parts.push(pagoda);
    } else if (image === "redis") {
      const [, ...args] = service.command ?? [];
      const port = await this.#port(name, 6379);
      const own = ["--bind", "127.0.0.1", "--port", String(port), "--dir", files.path];
      await this.#program("redis-server", [...args, ...own], /ready to accept connections/i);
    } else if (image === "prom/prometheus") {
      const own = `--web.listen-address=127.0.0.1:${await this.#port(name, 9090)}`;
      await this.#program("prometheus", [...(service.command ?? []).map(paths), own], /ready to receive web/);
    } else throw new Error(`no program for the image ${service.image}`);
  }

  async #program(tool: Tool, args: readonly string[], ready: RegExp): Promise<void> {
    const child = adopt(spawn(need(tool), args, { stdio: ["ignore", "pipe", "pipe"] }));
    this.#parts.push({ [Symbol.asyncDispose]: () => killed(child) });
    await new Promise<void>((started, failed) => {
      const said: string[] = [];
      for (const input of [child.stdout, child.stderr])
        createInterface({ input }).on("line", (line) => {
          said.push(line);
          if (ready.test(line)) started();
        });
      child.once("close", () => failed(new Error(`${tool} ended before it was ready:\n${said.join("\n")}`)));
    });
  }

  async #port(service: string, port: number): Promise<number> {
    const key = `${service}:${port}`;
    const known = this.#ports.get(key) ?? (await quietPort());
    this.#ports.set(key, known);
    return known;
  }

  /** A file with its addresses and paths replaced. */
  async #mapped(service: string, text: string, files: Folder): Promise<string> {
    const names = Object.keys(composeServices).join("|");
    // On a busy machine Redis may take longer, and what each pagoda then admits by itself would come on top.
    let mapped = text.replace("timeout: 100ms", "timeout: 30s");
    // On loopback and on all addresses it is the service itself.
    for (const [address, host = "", port] of text.matchAll(
      new RegExp(`(?<![\\w.-])(${names}|0\\.0\\.0\\.0|127\\.0\\.0\\.1):(\\d+)`, "g"),
    )) {
      const owner = host in composeServices ? host : service;
      mapped = mapped.replaceAll(address, `127.0.0.1:${await this.#port(owner, Number(port))}`);
    }
    return this.#paths(service, mapped, files);
  }

  #paths(service: string, text: string, files: Folder): string {
    const targets = (composeServices[service]?.volumes ?? []).map((volume) => volume.split(":")[1] as string);
    return targets.reduce(
      (mapped, target) =>
        mapped.replaceAll(new RegExp(`(?<=^|[=\\[\\s])${target}(?=/|$)`, "gm"), files.file(target)),
      text,
    );
  }
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "close");
  child.kill("SIGKILL");
  await ended;
}
