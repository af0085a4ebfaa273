import { bodyBroken, type BodySink, PushBody } from "@pagoda/http";

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
