import { bodyBroken, type BodySink, PushBody } from "@pagoda/http";

/** A body that ends when and as the test says. */
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

/** Takes everything and forgets it. */
export const nowhere: BodySink = { write: () => true, end() {}, fail() {} };
