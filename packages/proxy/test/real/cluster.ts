import { generateKeyPairSync } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { request } from "node:https";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { certified } from "../e2e/certified.ts";
import type { Folder } from "../e2e/configured.ts";
import { adopt, curl } from "../e2e/system.ts";

const etcdUrl = "http://127.0.0.1:2379";
const port = 6443;
/** The token of an administrator. */
export const adminToken = "admin-token";

/** An answer of the API server. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** An API server of Kubernetes with etcd, and without controllers: pods and slices are what a test says. */
export interface KubernetesCluster extends AsyncDisposable {
  readonly origin: string;
  /** With `ca.pem`, the authority of the API server. */
  readonly folder: Folder;
  /** Starts the API server, and waits until it is ready. */
  start(): Promise<void>;
  /** Kills the API server. */
  kill(): Promise<void>;
  /** Sends a request, by default as an administrator. */
  call(method: string, path: string, body?: object | string, token?: string): Promise<Answer>;
  /**
   * Applies the documents of a manifest, by default in the namespace `default`, as `kubectl apply --server-side` does, with strict validation.
   *
   * @returns The refusals, a line for each.
   */
  apply(manifest: string, options?: { readonly dryRun?: boolean }): Promise<readonly string[]>;
}

export async function kubernetesCluster(): Promise<KubernetesCluster> {
  const folder = certified();
  const keys = generateKeyPairSync("rsa", {
    modulusLength: 2_048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  folder.write("accounts.pub", keys.publicKey);
  folder.write("accounts.key", keys.privateKey);
  folder.write("tokens.csv", `${adminToken},admin,admin,system:masters\n`);
  const etcd = run("etcd", [
    `--data-dir=${folder.file("etcd")}`,
    `--listen-client-urls=${etcdUrl}`,
    `--advertise-client-urls=${etcdUrl}`,
    "--listen-peer-urls=http://127.0.0.1:2380",
  ]);
  let server: Engine | undefined;

  const call: KubernetesCluster["call"] = (method, path, body, token = adminToken) =>
    new Promise((resolve, reject) => {
      const type = typeof body === "string" ? "application/apply-patch+yaml" : "application/json";
      const sent = request(
        {
          host: "127.0.0.1",
          port,
          path,
          method,
          agent: false,
          ca: readFileSync(folder.file("ca.pem")),
          headers: { authorization: `Bearer ${token}`, "content-type": type },
        },
        (response) => {
          let text = "";
          response.setEncoding("utf8").on("data", (piece: string) => (text += piece));
          response.once("error", reject).once("end", () => {
            const isJson = response.headers["content-type"]?.includes("json") === true;
            resolve({
              status: response.statusCode ?? 0,
              body: isJson ? (JSON.parse(text) as unknown) : text,
            });
          });
        },
      );
      sent.once("error", reject).end(typeof body === "object" ? JSON.stringify(body) : body);
    });
  /** Waits outside of this process, which would otherwise slow the start down by asking. */
  const ready = async (): Promise<void> => {
    const retries = ["--retry", "300", "--retry-delay", "1", "--retry-all-errors"];
    const { code, stderr } = await curl([
      "--fail",
      ...retries,
      "--cacert",
      folder.file("ca.pem"),
      "--header",
      `authorization: Bearer ${adminToken}`,
      `https://127.0.0.1:${port}/readyz`,
    ]);
    if (code !== 0) throw new Error(`the API server is not ready: ${stderr}\n${server?.output()}`);
  };
  return {
    origin: `https://127.0.0.1:${port}`,
    folder,
    async start() {
      server = run("kube-apiserver", [
        `--etcd-servers=${etcdUrl}`,
        "--bind-address=127.0.0.1",
        `--secure-port=${port}`,
        // It becomes an endpoint of the service `kubernetes`, and must not be on loopback.
        "--advertise-address=10.199.0.1",
        "--service-cluster-ip-range=10.96.0.0/16",
        `--tls-cert-file=${folder.file("shop.pem")}`,
        `--tls-private-key-file=${folder.file("shop.key")}`,
        "--service-account-issuer=https://kubernetes.default.svc",
        `--service-account-key-file=${folder.file("accounts.pub")}`,
        `--service-account-signing-key-file=${folder.file("accounts.key")}`,
        `--token-auth-file=${folder.file("tokens.csv")}`,
        "--authorization-mode=RBAC",
      ]);
      await ready();
    },
    async kill() {
      await killed(server);
    },
    call,
    async apply(manifest, { dryRun = false } = {}) {
      const refusals: string[] = [];
      for (const document of parseAllDocuments(manifest)) {
        const { apiVersion, kind, metadata } = document.toJS() as {
          readonly apiVersion: string;
          readonly kind: string;
          readonly metadata: { readonly name: string; readonly namespace?: string };
        };
        const group = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
        const { name, namespace = "default" } = metadata;
        const path = `${group}/namespaces/${namespace}/${plural(kind)}/${name}`;
        const query = `?fieldManager=test&fieldValidation=Strict${dryRun ? "&dryRun=All" : ""}`;
        const { status, body } = await call("PATCH", path + query, document.toString());
        if (status >= 300) refusals.push(`${kind} ${metadata.name}: ${status} ${JSON.stringify(body)}`);
      }
      return refusals;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([killed(server), killed(etcd)]);
      folder[Symbol.dispose]();
    },
  };
}

function plural(kind: string): string {
  const name = kind.toLowerCase();
  return name.endsWith("y") ? `${name.slice(0, -1)}ies` : `${name}s`;
}

interface Engine {
  readonly child: ChildProcess;
  /** The end of what it wrote. */
  output(): string;
}

function run(program: string, args: readonly string[]): Engine {
  const child = adopt(spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] }));
  let output = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (output = (output + text).slice(-10_000)));
  return { child, output: () => output };
}

async function killed(engine: Engine | undefined): Promise<void> {
  if (engine === undefined || engine.child.exitCode !== null || engine.child.signalCode !== null) return;
  engine.child.kill("SIGKILL");
  await once(engine.child, "exit");
}

/** A file of the deployment. */
export function deployed(name: string): string {
  const file = join(import.meta.dirname, "../../deploy/kubernetes", name);
  if (!existsSync(file)) throw new Error(`${file} does not exist`);
  return readFileSync(file, "utf8");
}
