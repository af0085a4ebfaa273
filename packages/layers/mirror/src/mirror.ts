import { layer, type Layer, type Service } from "@pagoda/core";
import { type Body, emptyBody, type HttpRequest, requestsTunnel } from "@pagoda/http";
import { checked, type MirrorOptions } from "./options.ts";
import { Shadows } from "./shadows.ts";
import { type Recorder, TeeBody } from "./tee-body.ts";

/**
 * Mirrors a share of the calls to another service, the shadow, and discards its responses. Use it
 * to try a new version or data store with real traffic. Side effects happen twice: a shadow that
 * writes needs its own data, or `select` must exclude writes.
 *
 * The shadow does not affect the original call: nothing waits for it, its results and errors are
 * discarded, and it does not affect readiness. Its resources are bounded: concurrent calls, bytes
 * per copied body, bytes of all copies, and time per call. Beyond a limit, or while the shadow is
 * not ready, a call is skipped and counted. The limits apply to the layer, however many services it
 * wraps.
 *
 * A body is copied as it passes to its reader, and the shadow is called once it has passed
 * completely. Streaming to both at once would start the shadow earlier, but the part that a slow
 * shadow has not read would have to be buffered anyway, and beyond the limit the shadow would get a
 * truncated request, which its own metrics count as a failure. A call whose body is not read to its
 * end is not mirrored. Neither is a call that asks for a tunnel (an upgrade, CONNECT), because what
 * is sent in a tunnel depends on the other side.
 *
 * An abort by the caller does not reach the shadow, which is bounded by `timeoutMs` only. Otherwise
 * a shadow slower than the original, the interesting case, would always be aborted.
 *
 * Place it inside the router and outside `retry`, so that a call is mirrored once, however often it
 * is retried. Policies for the shadow go into `to`, which is a stack like any other.
 *
 * Errors: none.
 *
 * Cost per call: about 2 µs for a mirrored call, plus `to` and copying the body; about 70 ns for
 * any other.
 *
 * Source: Envoy's `request_mirror_policies`.
 *
 * @throws RangeError if an option is out of range.
 */
export function mirror<Req extends HttpRequest = HttpRequest>(options: MirrorOptions<Req>): Layer<Req> {
  const settings = checked(options);
  const { to, ratio, maxInFlight, maxBytes, maxTotalBytes, maxResponseBytes, timeoutMs, marker } = settings;
  const shadows = new Shadows(settings);

  const around = layer<Req>("mirror", (inner) => ({
    options: { ratio, maxInFlight, maxBytes, maxTotalBytes, maxResponseBytes, timeoutMs, marker },
    state: () => shadows.state(),
    call(request, signal) {
      if (requestsTunnel(request) || !shadows.chooses(request)) return inner.call(request, signal);
      const { body } = request;
      const { length } = body;
      if (length === 0) {
        const answer = inner.call(request, signal);
        sendLater(shadows, request, emptyBody, 0);
        return answer;
      }
      if (length !== undefined && length > maxBytes) {
        shadows.skip("too-long");
        return inner.call(request, signal);
      }
      const tee = new TeeBody(body, recorder(shadows, request, maxBytes));
      return inner.call({ ...request, body: tee }, signal);
    },
  }));

  // A layer's description contains its inner service; this one adds the shadow.
  return ((inner: Service<Req, unknown, unknown>) => {
    const service = around(inner);
    return {
      ...service,
      describe() {
        const description = service.describe();
        return { ...description, inner: [...(description.inner ?? []), to.describe()] };
      },
    };
  }) as unknown as Layer<Req>;
}

function recorder<Req extends HttpRequest>(shadows: Shadows<Req>, request: Req, maxBytes: number): Recorder {
  return {
    maxBytes,
    hold: (bytes) => shadows.hold(bytes),
    free: (bytes) => shadows.free(bytes),
    recorded: (copy, held) => sendLater(shadows, request, copy, held),
    missed: (reason) => shadows.skip(reason),
  };
}

/** Sends the shadow after everything the call itself does in this tick. */
function sendLater<Req extends HttpRequest>(
  shadows: Shadows<Req>,
  request: Req,
  body: Body,
  held: number,
): void {
  queueMicrotask(() => shadows.send(request, body, held));
}
