import { isRight, type Layer, service, type Service } from "@pagoda/core";
import {
  bodyBroken,
  type BodySink,
  callNotes,
  type HttpRequest,
  type HttpResponse,
  PushBody,
} from "@pagoda/http";
import type { Registry } from "prom-client";

/** A response, and the upstream that gives it. */
export interface Upstreamed extends HttpResponse {
  readonly upstream?: string | undefined;
}

/** The layer between a client that makes a request for each call and a transport that notes the upstream. */
export function between<Err>(
  layer: Layer<HttpRequest, unknown, never, never, never, HttpResponse>,
  inner: Service<HttpRequest, Upstreamed, Err>,
): Service<HttpRequest, Upstreamed, Err> {
  const noting = service("noting", async (request: HttpRequest, signal?: AbortSignal) => {
    const result = await inner.call(request, signal);
    if (isRight(result)) request.notes.upstream = result.right.upstream;
    return result;
  });
  const layered = layer(noting);
  return { ...layered, call: (request, signal) => layered.call({ ...request, notes: callNotes() }, signal) };
}

/** A body that the test ends. */
export class TestBody extends PushBody {
  readonly length = undefined;
  protected goOn(): void {}
  protected stop(): void {}

  end(): void {
    this.finish();
  }

  break(): void {
    this.broken(bodyBroken());
  }
}

/** Discards everything. */
export const nowhere: BodySink = { write: () => true, end() {}, fail() {} };

/** Samples of a registry's text format, by name and labels. */
export async function samples(registry: Registry): Promise<ReadonlyMap<string, number>> {
  const lines = (await registry.metrics()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => {
      const space = line.lastIndexOf(" ");
      return [line.slice(0, space), Number(line.slice(space + 1))];
    }),
  );
}
