import { X509Certificate } from "node:crypto";
import type { Clock, Timer } from "@pagoda/core";
import type { Logger } from "pino";
import { Gauge, type Registry } from "prom-client";
import { certificatesIn } from "../config/pem.ts";
import { namedFiles, type Resolved } from "../config/resolved.ts";
import type { LiveCertificate } from "../live/snapshot.ts";

/** Longest interval of the checks: the wall clock may jump, and timers cannot wait for months. */
const lookMs = 3_600_000;
const leastLookMs = 10_000;
/**
 * By then certificates have usually been renewed: most tools renew at a third of the lifetime left.
 */
const lateShare = 0.1;
/** Names of a certificate that are shown. */
const maxNames = 20;

const states = {
  valid: "valid",
  "the certificate is not valid yet": "not valid yet",
  "the certificate has ended": "ended",
  "the certificate ends soon": "ends soon",
} as const;

export interface CertificatesOptions {
  readonly log: Logger;
  readonly registry: Registry;
  readonly clock: Clock;
}

/** The validity period of the certificates in a file or a secret. */
interface Held {
  /** Its path, or `secret:` and the name of the secret. */
  readonly file: string;
  readonly subject: string;
  readonly names: readonly string[];
  readonly fromMs: number;
  readonly toMs: number;
  /** What has been logged about it. */
  said?: string | undefined;
}

/**
 * Reports certificates that expire soon or have expired: in the log, once each, and as a metric.
 * The proxy serves them anyway, since the alternative is to serve nothing; clients and origins
 * refuse them.
 *
 * Of a certificate chain the first certificate counts. Of several authorities the one that expires
 * last counts, since the others may remain until it has replaced them.
 */
export class Certificates {
  readonly #options: CertificatesOptions;
  readonly #begin: Gauge<"file">;
  readonly #end: Gauge<"file">;
  #held: readonly Held[] = [];
  #timer: Timer | undefined;

  constructor(options: CertificatesOptions) {
    this.#options = options;
    this.#begin = new Gauge({
      name: "pagoda_certificate_not_before_timestamp_seconds",
      help: "Time from which a certificate is valid; for a CA file, that of the last to expire",
      labelNames: ["file"],
      registers: [options.registry],
    });
    this.#end = new Gauge({
      name: "pagoda_certificate_not_after_timestamp_seconds",
      help: "Expiry time of a certificate; for a CA file, that of the last to expire",
      labelNames: ["file"],
      registers: [options.registry],
    });
  }

  /** Watches the certificates of this configuration instead of the previous one's. */
  hold(resolved: Resolved): void {
    this.close();
    this.#held = heldBy(resolved);
    this.#begin.reset();
    this.#end.reset();
    for (const { file, fromMs, toMs } of this.#held) {
      this.#begin.set({ file }, fromMs / 1_000);
      this.#end.set({ file }, toMs / 1_000);
    }
    if (this.#held.length > 0) this.#look();
  }

  /** For operators. */
  get all(): readonly LiveCertificate[] {
    const now = this.#options.clock.wallTime();
    return this.#held.map((held) => ({
      file: held.file,
      subject: held.subject,
      names: held.names.slice(0, maxNames),
      from: held.fromMs,
      to: held.toMs,
      state: states[wordOn(held, now) ?? "valid"],
    }));
  }

  close(): void {
    if (this.#timer !== undefined) this.#options.clock.clearTimer(this.#timer);
    this.#timer = undefined;
  }

  readonly #look = (): void => {
    const { clock, log } = this.#options;
    // Certificates of workloads are often valid for an hour.
    const shortestMs = Math.min(...this.#held.map(({ fromMs, toMs }) => toMs - fromMs));
    const soonMs = Math.max((shortestMs * lateShare) / 2, leastLookMs);
    this.#timer = clock.setTimer(Math.min(lookMs, soonMs), this.#look);
    const now = clock.wallTime();
    for (const held of this.#held) {
      const word = wordOn(held, now);
      if (word === held.said) continue;
      held.said = word;
      if (word === undefined) continue;
      const { file, fromMs, toMs } = held;
      const about = {
        file,
        validFrom: new Date(fromMs).toISOString(),
        validTo: new Date(toMs).toISOString(),
      };
      log[word === "the certificate ends soon" ? "warn" : "error"](about, word);
    }
  };
}

function wordOn({ fromMs, toMs }: Held, now: number) {
  if (now < fromMs) return "the certificate is not valid yet";
  if (now >= toMs) return "the certificate has ended";
  if (toMs - now < (toMs - fromMs) * lateShare) return "the certificate ends soon";
  return undefined;
}

function heldBy({ config, files }: Resolved): readonly Held[] {
  const held = new Map<string, Held>();
  for (const { name, kind, path, secret } of namedFiles(config)) {
    if (kind !== "certificate" || held.has(name)) continue;
    const all = certificatesIn(files.get(name) ?? "").map((text) => new X509Certificate(text));
    const times = all.map((each) => ({
      file: secret === undefined ? name : `secret:${secret}`,
      // A subject has a line for each of its parts.
      subject: each.subject.replaceAll("\n", ", "),
      names: (each.subjectAltName ?? "").split(", ").filter((name) => name !== ""),
      fromMs: Date.parse(each.validFrom),
      toMs: Date.parse(each.validTo),
    }));
    const [first, ...others] = times;
    if (first === undefined) continue;
    const isAuthorities = path.at(-1) === "ca";
    held.set(
      name,
      isAuthorities ? others.reduce((last, one) => (one.toMs > last.toMs ? one : last), first) : first,
    );
  }
  return [...held.values()];
}
