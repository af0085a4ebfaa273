import { bodyBroken, type BodySink, PushBody } from "@pagoda/http";
import type { Registry } from "prom-client";

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
