import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A certificate and its key, PEM. */
export interface TestCertificate {
  readonly certificate: string;
  readonly key: string;
}

/** What a certificate of a test says. */
export interface TestCertificateOptions {
  /** `CN=cart,O=shop`. Default: `CN=test`. */
  readonly subject?: string;
  /** Its alternative names: `DNS:a.test,IP:127.0.0.1,URI:spiffe://a.test/cart`. Default: none. */
  readonly names?: string;
  /** Days until it ends; 0 for one that has ended. Default 1. */
  readonly days?: number;
}

/** An authority whose certificates only tests trust: none is worth keeping, and none is in a repository. */
export interface TestAuthority {
  /** Its own certificate, PEM. */
  readonly ca: string;
  issue(options?: TestCertificateOptions): TestCertificate;
}

/**
 * Makes an authority with the `openssl` program.
 *
 * @throws Error when `openssl` is not there, or refuses.
 */
export function testAuthority(name: string = "authority"): TestAuthority {
  const { ca, caKey } = inFolder((path) => {
    const out = ["-keyout", path("ca.key"), "-out", path("ca.pem")];
    openssl("req", "-x509", ...newKey, "-days", "1", "-subj", `/CN=${name}`, ...out);
    return { ca: read(path("ca.pem")), caKey: read(path("ca.key")) };
  });
  return {
    ca,
    issue: ({ subject = "CN=test", names, days = 1 } = {}) =>
      inFolder((path) => {
        writeFileSync(path("ca.pem"), ca);
        writeFileSync(path("ca.key"), caKey);
        writeFileSync(path("names"), names === undefined ? "" : `subjectAltName=${names}\n`);
        const parts = subject.split(",").map((part) => `/${part}`);
        openssl("req", ...newKey, "-subj", parts.join(""), "-keyout", path("key"), "-out", path("request"));
        const by = ["-CA", path("ca.pem"), "-CAkey", path("ca.key"), "-CAcreateserial"];
        const about = ["-days", String(days), "-extfile", path("names")];
        openssl("x509", "-req", "-in", path("request"), ...by, ...about, "-out", path("certificate"));
        return { certificate: read(path("certificate")), key: read(path("key")) };
      }),
  };
}

const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

function inFolder<A>(run: (path: (name: string) => string) => A): A {
  const folder = mkdtempSync(join(tmpdir(), "pagoda-test-"));
  try {
    return run((name) => join(folder, name));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function read(path: string): string {
  return readFileSync(path, "utf8");
}

function openssl(...args: readonly string[]): void {
  try {
    execFileSync("openssl", args, { stdio: "pipe" });
  } catch (cause) {
    const { code, stderr } = cause as NodeJS.ErrnoException & { readonly stderr?: Buffer };
    const why = code === "ENOENT" ? "the program openssl is not there" : `openssl ${args[0]}: ${stderr}`;
    throw new Error(`testAuthority: ${why}`, { cause });
  }
}
