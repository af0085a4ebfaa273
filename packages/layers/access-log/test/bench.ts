import type { Fault } from "@pagoda/core";
import {
  bodyBroken,
  type BodySink,
  type HttpRequest,
  httpRequest,
  type HttpResponse,
  httpResponse,
  PushBody,
} from "@pagoda/http";
import { mockService, settled, virtualClock } from "@pagoda/core/testing";
import { pino } from "pino";
import { accessLog, type AccessLogOptions } from "@pagoda/access-log";

export const get: HttpRequest = httpRequest("http://shop.example/cart?token=secret");

export const refused: Fault<"CircuitOpen"> = { _tag: "CircuitOpen", origin: "local", retryable: true };
export const down: Fault<"ConnectFailed"> = { _tag: "ConnectFailed", origin: "upstream", retryable: true };

/** A body that the test ends or breaks. */
export class TestBody extends PushBody {
  readonly length: number | undefined;

  constructor(length?: number) {
    super();
    this.length = length;
  }

  end(): void {
    this.finish();
  }

  break(): void {
    this.broken(bodyBroken());
  }

  protected goOn(): void {}
  protected stop(): void {}
}

/** Discards everything. */
export const nowhere: BodySink = { write: () => true, end() {}, fail() {} };

/** A logger and the lines it has written. */
export function memory(level = "trace") {
  const texts: string[] = [];
  const logger = pino(
    { level, base: null, timestamp: false },
    { write: (text: string) => void texts.push(text) },
  );
  const lines = () => texts.map((text) => JSON.parse(text) as Record<string, unknown>);
  return { logger, texts, lines };
}

/** The layer around a scripted service, and the lines it has written. */
export function bench(options: Partial<AccessLogOptions> = {}, level?: string) {
  const clock = virtualClock();
  const mock = mockService<HttpRequest, HttpResponse, unknown>();
  const { logger, texts, lines } = memory(level);
  const layered = accessLog({ logger, clock, ...options })(mock.service);

  /** Makes a call, answers it and waits until everything has settled. */
  async function answered(response: HttpResponse, request: HttpRequest = get): Promise<void> {
    const result = layered.call(request);
    (await mock.next()).answer(response);
    await result;
    await settled();
  }
  async function failed(error: unknown): Promise<void> {
    const result = layered.call(get);
    (await mock.next()).fail(error);
    await result;
    await settled();
  }
  const state = () => layered.describe().state ?? {};
  return { clock, mock, layered, texts, lines, answered, failed, state };
}

export function responseFor(fault: Fault, status = 503): HttpResponse {
  return { ...httpResponse(status), fault };
}
