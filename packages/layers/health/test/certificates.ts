import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Certificates {
  /** The authority's certificate. */
  readonly ca: string;
  readonly key: string;
  readonly cert: string;
}

/** A certificate for the given names (`DNS:a.test,IP:127.0.0.1`) by an authority made for it, with openssl. */
export function certificates(names: string): Certificates {
  const folder = mkdtempSync(join(tmpdir(), "pagoda-health-"));
  const inFolder = (name: string): string => join(folder, name);
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  try {
    openssl(
      "req",
      "-x509",
      ...key,
      "-days",
      "1",
      "-subj",
      "/CN=authority",
      "-keyout",
      inFolder("ca.key"),
      "-out",
      inFolder("ca.pem"),
    );
    openssl(
      "req",
      ...key,
      "-subj",
      "/CN=origin",
      "-keyout",
      inFolder("key.pem"),
      "-out",
      inFolder("request.pem"),
    );
    writeFileSync(inFolder("names"), `subjectAltName=${names}\n`);
    const by = ["-CA", inFolder("ca.pem"), "-CAkey", inFolder("ca.key"), "-CAcreateserial", "-days", "1"];
    openssl(
      "x509",
      "-req",
      "-in",
      inFolder("request.pem"),
      ...by,
      "-extfile",
      inFolder("names"),
      "-out",
      inFolder("cert.pem"),
    );
    const read = (name: string): string => readFileSync(inFolder(name), "utf8");
    return { ca: read("ca.pem"), key: read("key.pem"), cert: read("cert.pem") };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function openssl(...args: readonly string[]): void {
  try {
    execFileSync("openssl", args, { stdio: "pipe" });
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    throw new Error(missing ? "these tests need openssl, and it is not there" : `openssl ${args[0]} failed`, {
      cause,
    });
  }
}
