import type { Body, BodyBroken, BodyFlow } from "@pagoda/http";

/**
 * Returns a body as a web stream, with the backpressure of its reader. Nothing is read before the
 * stream is. Cancelling the stream cancels the body, as does the signal; a body that breaks off
 * errors the stream. Trailers are dropped: web streams have none.
 */
export function streamOf(body: Body, signal?: AbortSignal): ReadableStream<Uint8Array> {
  let flow: BodyFlow | undefined;
  /** The stream has asked for more while it took a piece: the flow wants that as its answer. */
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

/** What `fetch` errors the stream of a body with that breaks off. */
function terminated(fault: BodyBroken): TypeError {
  return new TypeError("terminated", { cause: fault });
}
