import type { Body, BodyBroken, BodyFlow } from "@pagoda/http";

/**
 * Converts a body to a web stream with backpressure. The body is read only as the stream is.
 * Cancelling the stream or aborting the signal cancels the body; a body that breaks off errors the
 * stream. Trailers are dropped: web streams have none.
 */
export function streamOf(body: Body, signal?: AbortSignal): ReadableStream<Uint8Array> {
  let flow: BodyFlow | undefined;
  /** The stream called `pull` during `enqueue`, so `write` must return true. */
  let isAsking = false;
  let isWriting = false;
  let onAbort: (() => void) | undefined;

  const over = (): void => {
    if (onAbort !== undefined) signal?.removeEventListener("abort", onAbort);
  };

  function pipeTo(controller: ReadableStreamDefaultController<Uint8Array>): BodyFlow {
    return body.pipe({
      write(chunk) {
        if (chunk.length === 0) return true;
        isWriting = true;
        isAsking = false;
        controller.enqueue(chunk);
        isWriting = false;
        return isAsking;
      },
      end() {
        over();
        controller.close();
      },
      fail(fault) {
        over();
        controller.error(terminated(fault));
      },
    });
  }

  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        if (signal === undefined) return;
        onAbort = () => {
          over();
          controller.error(signal.reason);
          if (flow === undefined) body.cancel(signal.reason);
          else flow.cancel(signal.reason);
        };
        if (signal.aborted) onAbort();
        else signal.addEventListener("abort", onAbort);
      },
      pull(controller) {
        if (flow === undefined) flow = pipeTo(controller);
        else if (isWriting) isAsking = true;
        else flow.resume();
      },
      cancel(reason) {
        over();
        if (flow === undefined) body.cancel(reason);
        else flow.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}

/** The error with which `fetch` errors the stream of a body that breaks off. */
function terminated(fault: BodyBroken): TypeError {
  return new TypeError("terminated", { cause: fault });
}
