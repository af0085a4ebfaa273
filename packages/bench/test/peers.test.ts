import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { caddyConfiguration } from "../proxy/peers/caddy.ts";
import { envoyConfiguration } from "../proxy/peers/envoy.ts";
import { haproxyConfiguration } from "../proxy/peers/haproxy.ts";
import { peers } from "../proxy/peers/index.ts";
import { nghttpxCommand } from "../proxy/peers/nghttpx.ts";
import { proxyConfiguration } from "../proxy/peers/nginx.ts";
import { pagoda, pagodaWithout, parts } from "../proxy/peers/pagoda.ts";
import { type Place, type Topology, Unsupported } from "../proxy/peers/peer.ts";
import { traefikRoutes } from "../proxy/peers/traefik.ts";
import { versionIn } from "../proxy/peers/programs.ts";
import { requestOf, workloads } from "../proxy/workloads.ts";

const repository = fileURLToPath(new URL("../../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "pagoda-bench-test-"));
afterAll(() => rmSync(folder, { recursive: true }));

const place = (topology: Partial<Topology> = {}): Place => ({
  front: "http1",
  back: "http1",
  isGrpc: false,
  ...topology,
  folder,
  port: 3_000,
  adminPort: 3_001,
  origins: ["127.0.0.1:81", "127.0.0.1:82", "127.0.0.1:83", "127.0.0.1:84"],
  certificate: { certificate: "/c.pem", key: "/k.pem", combined: "/b.pem" },
});
const tls = place({ front: "tls" });
const http2 = place({ front: "http2", back: "http2" });

describe("the configuration of peers", () => {
  test("nginx", () => {
    expect(proxyConfiguration(place())).toContain("proxy_pass http://origin");
    expect(proxyConfiguration(tls)).toContain("listen 127.0.0.1:3000 ssl");
    expect(proxyConfiguration({ ...http2, isGrpc: true })).toContain("grpc_pass grpc://origin");
    expect(() => proxyConfiguration(http2)).toThrow(Unsupported);
  });

  test("haproxy", () => {
    expect(haproxyConfiguration(place())).toMatch(
      /bind 127\.0\.0\.1:3000\n[^]*server origin 127\.0\.0\.1:81\n/,
    );
    expect(haproxyConfiguration(tls)).toContain("ssl crt /b.pem");
    expect(haproxyConfiguration(http2)).toMatch(/:3000 proto h2\n[^]*:81 proto h2\n/);
  });

  test("nghttpx", () => {
    expect(nghttpxCommand(place())).toContain("--backend=127.0.0.1,81;;proto=http/1.1");
    expect(nghttpxCommand(tls).slice(-2)).toEqual(["/k.pem", "/c.pem"]);
    expect(nghttpxCommand(http2)).toContain("--frontend=127.0.0.1,3000;no-tls");
  });

  test("Caddy", () => {
    expect(caddyConfiguration(tls)).toMatch(/https:\/\/127\.0\.0\.1:3000[^]*tls \/c\.pem \/k\.pem/);
    expect(caddyConfiguration(http2)).toMatch(/protocols h1 h2c[^]*reverse_proxy h2c:\/\/127\.0\.0\.1:81/);
  });

  test("Traefik", () => {
    expect(traefikRoutes(tls)).toMatch(/tls: \{\}[^]*certFile: \/c\.pem/);
    expect(traefikRoutes(http2)).toContain("url: h2c://127.0.0.1:81");
  });

  test("Envoy, with all endpoints and policies in a mesh only", () => {
    const plain = JSON.stringify(envoyConfiguration(place(), false));
    const mesh = JSON.stringify(envoyConfiguration(http2, true));
    for (const policy of [
      "local_ratelimit",
      "retry_policy",
      "outlier_detection",
      "circuit_breakers",
      '"port_value":84',
    ]) {
      expect([policy, plain.includes(policy), mesh.includes(policy)]).toEqual([policy, false, true]);
    }
    expect(mesh).toContain("http2_protocol_options");
  });

  test.each(["plain", "mesh"] as const)("pagoda, %s: accepted by `pagoda check`", (configuration) => {
    const peer = pagoda(repository, configuration, { name: "pagoda", label: "pagoda" });
    peer.command(place({ back: "http2" }));
    const text = execFileSync(
      process.execPath,
      [join(repository, "packages/proxy/src/main.ts"), "check", "-c", join(folder, "pagoda.yaml")],
      { encoding: "utf8" },
    );
    expect(text).toContain(configuration === "mesh" ? "100 routes, 1 cluster" : "1 route, 1 cluster");
    expect(readFileSync(join(folder, "pagoda.yaml"), "utf8")).toContain("protocol: http2");
  });

  test.each(parts)("pagoda, mesh without %s: the rest is accepted by `pagoda check`", (part) => {
    pagodaWithout(repository, part).command(place());
    const text = readFileSync(join(folder, "pagoda.yaml"), "utf8");
    expect(
      execFileSync(
        process.execPath,
        [join(repository, "packages/proxy/src/main.ts"), "check", "-c", join(folder, "pagoda.yaml")],
        { encoding: "utf8" },
      ),
    ).toContain("100 routes, 1 cluster");
    const words: Record<(typeof parts)[number], string> = {
      "rate-limit": "rateLimit",
      retry: "retry",
      "concurrency-limit": "concurrencyLimit",
      "circuit-breaker": "circuitBreaker",
      outliers: "outliers",
      "peak-ewma": "peak-ewma",
      endpoints: ":84",
    };
    expect(parts.filter((each) => !text.includes(words[each]))).toEqual([part]);
  });

  test("a program for Node gets its place, and refuses what its library cannot do", () => {
    const peer = peers.find(({ name }) => name === "httpxy");
    expect(JSON.parse(peer?.command(place()).at(-1) ?? "")).toEqual(place());
    expect(() => peer?.command(http2)).toThrow("no HTTP/2 with clients");
  });

  test("names are unique", () => {
    expect(new Set(peers.map(({ name }) => name)).size).toBe(peers.length);
    expect(new Set(workloads.map(({ name }) => name)).size).toBe(workloads.length);
  });

  test("requests to a mesh go to one of its routes", () => {
    expect(workloads.map((workload) => requestOf(workload, true).path)).toContain("/service-50/16k");
  });

  test("versions are read from what programs print", () => {
    expect(versionIn("nginx version: nginx/1.22.1")).toBe("1.22.1");
    expect(versionIn("none")).toBe("unknown version");
  });
});
