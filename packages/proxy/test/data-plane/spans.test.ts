import { virtualClock } from "@pagoda/core/testing";
import { expect, test } from "vitest";
import { TellingExporter } from "../../src/data-plane/otlp-spans.ts";
import { noSpans, spansOf } from "../../src/data-plane/spans.ts";
import { Arrivals, type Held, held, origin } from "../e2e/origin.ts";
import { told } from "./resolved.ts";

const settings = (url: string) => ({ endpoint: `${url}/v1/traces`, ratio: 1, service: "pagoda" });

test("a collector that hangs gets 2 s for the last spans, and no more", async () => {
  const arrivals = new Arrivals<Held>();
  await using collector = await held(arrivals);
  const clock = virtualClock();
  const spans = await spansOf(settings(collector.url), told().telemetry.log, noSpans, clock);
  spans.tracer?.startSpan("one").end();
  let isClosed = false;
  const closed = spans.close().then(() => (isClosed = true));
  await arrivals.next();
  await clock.advance(1_999);
  expect(isClosed).toBe(false);
  await clock.advance(1);
  await closed;
});

test("a collector that refuses spans is told of, with its address", async () => {
  await using collector = await origin((_request, response) => response.writeHead(404).end());
  const { telemetry, lines } = told();
  const spans = await spansOf(settings(collector.url), telemetry.log, noSpans);
  spans.tracer?.startSpan("one").end();
  await spans.close();
  expect(lines).toMatchObject([
    { level: 40, msg: "spans cannot be sent: they are lost", endpoint: `${collector.url}/v1/traces` },
  ]);
});

test("it is said once, and again when it has changed", () => {
  const results = [0, 1, 1, 0, 0, 1];
  const { telemetry, lines } = told();
  const inner = {
    export: (_spans: unknown, done: (result: { code: number }) => void) =>
      done({ code: results.shift() ?? 0 }),
    shutdown: () => Promise.resolve(),
  };
  const exporter = new TellingExporter(inner, telemetry.log);
  const seen: number[] = [];
  while (results.length > 0) exporter.export([], ({ code }) => seen.push(code));
  expect(seen).toEqual([0, 1, 1, 0, 0, 1]);
  const lost = "spans cannot be sent: they are lost";
  expect(lines.map(({ msg }) => msg)).toEqual([lost, "spans can be sent again", lost]);
});
