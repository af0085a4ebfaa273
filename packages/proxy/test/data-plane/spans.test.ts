import { execFileSync } from "node:child_process";
import { virtualClock } from "@pagoda/core/testing";
import { expect, test } from "vitest";
import { LoggingExporter } from "../../src/data-plane/otlp-spans.ts";
import { noSpans, spansOf } from "../../src/data-plane/spans.ts";
import { Arrivals, type Held, held, origin } from "../e2e/origin.ts";
import { told } from "./resolved.ts";

const settings = (url: string) => ({ endpoint: `${url}/v1/traces`, ratio: 1, service: "pagoda" });

// Defect: every worker loaded the layers and OpenTelemetry's core, some 4 MiB, even without
// tracing.
test("a data plane without tracing does not load it", () => {
  const program = `
    import { registerHooks } from "node:module";
    const loaded = [];
    registerHooks({ resolve: (name, context, next) => (loaded.push(name), next(name, context)) });
    await import(${JSON.stringify(import.meta.resolve("../../src/data-plane/data-plane.ts"))});
    console.log(JSON.stringify(loaded));`;
  const args = ["--input-type=module", "--eval", program];
  const loaded = JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" })) as string[];
  expect(loaded).toContain("@pagoda/router");
  expect(loaded).not.toContain("@pagoda/tracing");
  // prom-client loads the API for its exemplars.
  expect(new Set(loaded.filter((name) => name.startsWith("@opentelemetry/")))).toEqual(
    new Set(["@opentelemetry/api"]),
  );
});

test("a hanging collector delays shutdown by at most 2 s", async () => {
  const arrivals = new Arrivals<Held>();
  await using collector = await held(arrivals);
  const clock = virtualClock();
  const spans = await spansOf(settings(collector.url), told().telemetry.log, noSpans, clock);
  spans.tracing?.tracer.startSpan("one").end();
  let isClosed = false;
  const closed = spans.close().then(() => (isClosed = true));
  await arrivals.next();
  await clock.advance(1_999);
  expect(isClosed).toBe(false);
  await clock.advance(1);
  await closed;
});

test("a collector that refuses spans is logged with its address", async () => {
  await using collector = await origin((_request, response) => response.writeHead(404).end());
  const { telemetry, lines } = told();
  const spans = await spansOf(settings(collector.url), telemetry.log, noSpans);
  spans.tracing?.tracer.startSpan("one").end();
  await spans.close();
  expect(lines).toMatchObject([
    { level: 40, msg: "exporting spans failed; dropping them", endpoint: `${collector.url}/v1/traces` },
  ]);
});

test("a failing export is logged once, and again when the error changes", () => {
  const results = [0, 1, 1, 0, 0, 1];
  const { telemetry, lines } = told();
  const inner = {
    export: (_spans: unknown, done: (result: { code: number }) => void) =>
      done({ code: results.shift() ?? 0 }),
    shutdown: () => Promise.resolve(),
  };
  const exporter = new LoggingExporter(inner, telemetry.log);
  const seen: number[] = [];
  while (results.length > 0) exporter.export([], ({ code }) => seen.push(code));
  expect(seen).toEqual([0, 1, 1, 0, 0, 1]);
  const lost = "exporting spans failed; dropping them";
  expect(lines.map(({ msg }) => msg)).toEqual([lost, "exporting spans again", lost]);
});
