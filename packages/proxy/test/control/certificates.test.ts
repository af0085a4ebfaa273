import { X509Certificate } from "node:crypto";
import { virtualClock } from "@pagoda/core/testing";
import { testAuthority } from "@pagoda/http/testing";
import { pino } from "pino";
import { Registry } from "prom-client";
import { describe, expect, test } from "vitest";
import { Certificates } from "../../src/control/certificates.ts";
import { resolved } from "../data-plane/resolved.ts";

const dayMs = 86_400_000;
const authority = testAuthority();
const ofTenDays = authority.issue({ days: 10 });
const began = startOf(ofTenDays.certificate);

function startOf(certificate: string): number {
  return Date.parse(new X509Certificate(certificate).validFrom);
}

/**
 * Watched certificates, from that many milliseconds after the start of the one valid for ten days.
 */
function bench(afterMs: number) {
  const clock = virtualClock(began + afterMs);
  const registry = new Registry();
  const lines: { level: number; msg: string; file: string }[] = [];
  const log = pino({ base: null }, { write: (line: string) => void lines.push(JSON.parse(line) as never) });
  const certificates = new Certificates({ log, registry, clock });
  return {
    clock,
    registry,
    certificates,
    said: () => lines.splice(0).map(({ level, msg, file }) => [level, msg, file]),
  };
}

/** A listener's certificates and authorities. */
function serving(pem: string, ca?: string) {
  const certificate = { certificate: "server.pem", key: "server.key" };
  const clients = ca === undefined ? {} : { clients: { ca: "ca.pem" } };
  const listener = {
    address: "127.0.0.1:0",
    tls: { certificates: [certificate], ...clients },
    routes: [{ name: "all", respond: { status: 204 } }],
  };
  const files = { "server.pem": pem, "server.key": ofTenDays.key, ...(ca !== undefined && { "ca.pem": ca }) };
  return resolved({ listeners: [listener] }, new Map(Object.entries(files)));
}

describe("a certificate", () => {
  test("is logged once at a tenth of its lifetime left, and once when it has expired", async () => {
    const { clock, certificates, said } = bench(8.9 * dayMs);
    certificates.hold(serving(ofTenDays.certificate));
    expect(said()).toEqual([]);
    await clock.advance(0.2 * dayMs);
    expect(said()).toEqual([[40, "the certificate ends soon", "server.pem"]]);
    await clock.advance(0.7 * dayMs);
    expect(said()).toEqual([]);
    await clock.advance(0.3 * dayMs);
    expect(said()).toEqual([[50, "the certificate has ended", "server.pem"]]);
    certificates.close();
    expect(clock.pending).toBe(0);
  });

  test("of a workload, valid for an hour, is looked at often enough", async () => {
    const ofAnHour = authority.issue({ days: 1 / 24 });
    const { clock, certificates, said } = bench(startOf(ofAnHour.certificate) - began);
    certificates.hold(serving(ofAnHour.certificate));
    await clock.advance(58 * 60_000);
    expect(said()).toEqual([[40, "the certificate ends soon", "server.pem"]]);
    await clock.advance(5 * 60_000);
    expect(said()).toEqual([[50, "the certificate has ended", "server.pem"]]);
    certificates.close();
  });

  test("that is not valid yet is logged", () => {
    const { certificates, said } = bench(-dayMs);
    certificates.hold(serving(ofTenDays.certificate));
    expect(said()).toEqual([[50, "the certificate is not valid yet", "server.pem"]]);
  });

  test("that replaces another is watched instead of it", async () => {
    const { clock, certificates, said } = bench(9.5 * dayMs);
    certificates.hold(serving(ofTenDays.certificate));
    expect(said()).toHaveLength(1);
    certificates.hold(serving(authority.issue({ days: 3_650 }).certificate));
    await clock.advance(dayMs);
    expect(said()).toEqual([]);
    expect(clock.pending).toBe(1);
  });

  test("is the first of a chain, and of several authorities the one that expires last", async () => {
    const { certificates, registry, said } = bench(1.5 * dayMs);
    const longer = testAuthority("longer");
    const ended = longer.issue({ days: 1 }).certificate;
    certificates.hold(serving(ofTenDays.certificate + ended, ended + ofTenDays.certificate + ended));
    expect(said()).toEqual([]);
    const { values } = await registry
      .getSingleMetric("pagoda_certificate_not_after_timestamp_seconds")!
      .get();
    const seconds = (began + 10 * dayMs) / 1_000;
    expect(values).toEqual([
      { labels: { file: "server.pem" }, value: seconds },
      { labels: { file: "ca.pem" }, value: seconds },
    ]);
  });
});
