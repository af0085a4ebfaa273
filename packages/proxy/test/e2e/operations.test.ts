import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { readConfig } from "../../src/config/read.ts";
import { quota } from "../plugin-source.ts";
import { call } from "./client.ts";
import { Folder, through } from "./configured.ts";
import { origin } from "./origin.ts";
import type { LogLine } from "./program.ts";
import { quietPort } from "./quiet-port.ts";
import { adopt, execute, skipWithout } from "./system.ts";

const root = fileURLToPath(new URL("../../../../", import.meta.url));
const deploy = (name: string): string => readFileSync(`${root}packages/proxy/deploy/${name}`, "utf8");

/** The libraries of distroless/cc-debian12, the base image of the container, and of the kernel. */
const inImage =
  /^(linux-vdso|ld-linux-[\w-]+|libc|libdl|libm|libpthread|librt|libgcc_s|libgomp|libstdc\+\+)\.so/;

describe("the single executable file", () => {
  const executable = `${root}dist/pagoda`;

  beforeAll(async () => {
    const build = adopt(
      spawn(process.execPath, [`${root}scripts/binary.ts`], { stdio: ["ignore", "ignore", "inherit"] }),
    );
    const [code] = (await once(build, "close")) as [number];
    if (code !== 0) throw new Error(`scripts/binary.ts ended with ${code}`);
  });

  /** Runs it without a Node on its path. */
  async function ran(...args: readonly string[]) {
    const child = adopt(spawn(executable, args, { env: {}, cwd: "/", stdio: ["ignore", "pipe", "pipe"] }));
    const output: string[] = [];
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => output.push(chunk.toString()));
    const [code] = (await once(child, "close")) as [number];
    return { code, output: output.join("") };
  }

  test("loads plugins from beside its configuration, in each worker", async () => {
    await using upstream = await origin((_message, out) => out.end("yes"));
    using folder = new Folder();
    folder.write("quota.js", quota());
    const file = folder.write("pagoda.yaml", {
      plugins: ["./quota.js"],
      ...through({ endpoints: [upstream.url] }, {}, { quota: 1 }),
      admin: { address: "127.0.0.1:0" },
      workers: 1,
    });
    expect(await ran("check", "-c", file)).toMatchObject({ code: 0 });
    const child = adopt(
      spawn(executable, ["run", "-c", file], { env: {}, cwd: "/", stdio: ["ignore", "pipe", "inherit"] }),
    );
    let url = "";
    for await (const line of createInterface({ input: child.stdout })) {
      const { msg, url: listening } = JSON.parse(line) as LogLine;
      if (!msg.startsWith("listening on")) continue;
      url = listening as string;
      break;
    }
    expect((await call(url)).body).toBe("yes");
    expect((await call(url)).body).toContain("429 quota of 1 calls spent");
    child.kill("SIGKILL");
    await once(child, "close");
  });

  test("starts without Node, serves with several workers, reports readiness, and drains", async () => {
    await using upstream = await origin((_message, out) => out.end("yes"));
    let sent = 0;
    await using collector = await origin((message, out) => {
      sent++;
      message.resume();
      out.end("{}");
    });
    using folder = new Folder();
    const admin = { address: `127.0.0.1:${await quietPort()}` };
    const file = folder.write("pagoda.yaml", {
      listeners: [{ address: "127.0.0.1:0", routes: [{ name: "all", cluster: "origin" }] }],
      clusters: { origin: { endpoints: [upstream.url] } },
      admin,
      workers: 2,
      tracing: { endpoint: `${collector.url}/v1/traces`, ratio: "100%" },
    });
    const child = adopt(
      spawn(executable, ["run", "-c", file], { env: {}, cwd: "/", stdio: ["ignore", "pipe", "inherit"] }),
    );
    const ended = once(child, "close");
    let url = "";
    for await (const line of createInterface({ input: child.stdout })) {
      const { msg, url: listening } = JSON.parse(line) as LogLine;
      if (!msg.startsWith("listening on")) continue;
      url = listening as string;
      break;
    }
    expect((await call(url)).body).toBe("yes");
    expect(await ran("healthcheck", "-c", file)).toEqual({ code: 0, output: "ready\n" });
    expect((await call(`http://${admin.address}/stack`)).body).toContain('"worker":1');
    child.stdout.resume();
    child.kill("SIGTERM");
    expect(await ended).toEqual([0, null]);
    expect(sent).toBeGreaterThan(0);
    expect((await ran("healthcheck", "-c", file)).code).toBe(1);
  });

  test("checks and explains a configuration", async () => {
    const example = `${root}packages/proxy/examples/minimal.yaml`;
    expect(await ran("check", "-c", example)).toEqual({
      code: 0,
      output: "valid: 1 listener, 1 route, 1 cluster\n",
    });
    expect((await ran("explain", "-c", example, "GET", "http://a/")).output).toContain("route all");
    expect((await ran("nonsense")).code).toBe(2);
  });

  test("needs no library that the container image lacks", async () => {
    const script = "process.stdout.write(process.report.getReport().sharedObjects.join())";
    const child = adopt(spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] }));
    const [output] = (await once(child.stdout.setEncoding("utf8"), "data")) as [string];
    const libraries = output.split(",").filter((path) => path.endsWith(".so") || path.includes(".so."));
    expect(libraries).not.toEqual([]);
    expect(libraries.map((path) => basename(path)).filter((name) => !inImage.test(name))).toEqual([]);
  });
});

describe("the container file", () => {
  const lines = deploy("Containerfile").split("\n");
  const said = (word: string): string[] =>
    lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));

  test("copies existing files, runs existing scripts, and has a health check", () => {
    for (const copy of said("COPY").filter((line) => !line.startsWith("--from") && line !== ". .")) {
      const [from = ""] = copy.split(" ");
      expect({ from, there: existsSync(root + from) }).toEqual({ from, there: true });
    }
    const { scripts } = JSON.parse(readFileSync(`${root}package.json`, "utf8")) as {
      readonly scripts: Readonly<Record<string, string>>;
    };
    for (const run of said("RUN")) expect(Object.keys(scripts)).toContain(run.replace("npm run ", ""));
    expect(said("HEALTHCHECK")[0]).toContain('CMD ["/usr/local/bin/pagoda", "healthcheck"]');
    expect(said("ENTRYPOINT")).toEqual(['["/usr/local/bin/pagoda"]']);
  });

  test("has several stages and runs as an unprivileged user", () => {
    expect(said("FROM")).toHaveLength(2);
    const [user = ""] = said("USER");
    expect(user).toMatch(/^[1-9]\d*:[1-9]\d*$/);
  });
});

test("the systemd unit passes systemd-analyze, and is sandboxed", async ({ skip }) => {
  skipWithout(skip, "systemd-analyze");
  using folder = new Folder();
  // Only the program's path differs: it is not installed here.
  const unit = folder.write(
    "pagoda.service",
    deploy("pagoda.service").replaceAll("/usr/local/bin/pagoda", process.execPath),
  );
  const verified = await execute("systemd-analyze", ["verify", unit]);
  expect({ code: verified.code, said: verified.stderr }).toEqual({ code: 0, said: "" });
  const sockets = folder.write("pagoda.socket", deploy("pagoda.socket"));
  const socketsVerified = await execute("systemd-analyze", ["verify", sockets]);
  expect({ code: socketsVerified.code, said: socketsVerified.stderr }).toEqual({ code: 0, said: "" });
  const { stdout } = await execute("systemd-analyze", ["security", "--offline=true", "--no-pager", unit]);
  const [, exposure] = /Overall exposure level for pagoda.service: ([\d.]+)/.exec(stdout.toString()) ?? [];
  expect(Number(exposure)).toBeLessThan(2.5);
  expect(deploy("pagoda.service")).not.toMatch(/^MemoryDenyWriteExecute=yes/m);
});

interface Workload {
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly terminationGracePeriodSeconds: number;
        readonly initContainers?: readonly object[];
        readonly containers: readonly {
          readonly lifecycle?: { readonly preStop: { readonly sleep: { readonly seconds: number } } };
        }[];
      };
    };
  };
}

describe.each(["gateway.yaml", "sidecar.yaml"])("the Kubernetes manifest %s", (name) => {
  const [config, deployment] = parseAllDocuments(deploy(`kubernetes/${name}`)).map(
    (each) => each.toJS() as unknown,
  );
  const text = (config as { readonly data: { readonly "pagoda.yaml": string } }).data["pagoda.yaml"];
  const { drain, workers } = parse(text) as {
    readonly drain: { readonly timeout: string };
    readonly workers: number;
  };
  const pod = (deployment as Workload).spec.template.spec;

  test("has a valid configuration, with workers that fit into its memory", () => {
    expect(readConfig(text)).toMatchObject({ _tag: "Right" });
    expect(workers).toBeLessThanOrEqual(2);
  });

  test("gives nodes time to learn that the pod ends, and requests time to finish", () => {
    const [container] = pod.containers;
    const preStop = container?.lifecycle?.preStop.sleep.seconds ?? 0;
    expect(preStop).toBeGreaterThanOrEqual(5);
    const drainSeconds = Number.parseInt(drain.timeout, 10);
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(preStop + drainSeconds + 5);
  });
});

test("the sidecar starts before the application and ends after it", () => {
  const [, deployment] = parseAllDocuments(deploy("kubernetes/sidecar.yaml")).map(
    (each) => each.toJS() as unknown,
  );
  expect((deployment as Workload).spec.template.spec.initContainers).toMatchObject([
    { restartPolicy: "Always", args: ["run", "-c", "/etc/pagoda/pagoda.yaml"] },
  ]);
});
