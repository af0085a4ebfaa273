import { layer, type Layer, type Service } from "@pagoda/core";
import { asksForTunnel, type Body, emptyBody, type HttpRequest } from "@pagoda/http";
import { checked, type MirrorOptions } from "./options.ts";
import { Shadows } from "./shadows.ts";
import { type Recorder, TeeBody } from "./tee-body.ts";

/**
 * Sends a copy of a share of the calls to another service, the shadow, and throws its answers away. Use it to try a new
 * version, or a new store, with real traffic before anybody depends on it. What a shadow does twice it does twice: one
 * that writes needs data of its own, or `select` must leave out what writes.
 *
 * The shadow has no effect on the call itself: nobody waits for it; what it gives, throws or fails to give ends here; and
 * it does not make this layer less ready. What it may take is bounded: shadow calls at once, bytes of each copied body,
 * bytes of all of them, and the time of each. Beyond a bound, or while the shadow is not ready, a call has no shadow,
 * and is counted. The bounds are the layer's, however many services it is put around.
 *
 * A body is copied as it passes to the one who reads it, and the shadow is called when it has passed as a whole. To
 * stream it to both at once would save the shadow that wait, at a price: what a slow shadow has not taken must be kept
 * all the same, and past the limit the shadow gets half a request, which its own figures count as a failure. A body that
 * is not read to its end has no shadow. Nor has a call that asks for a tunnel (an upgrade, CONNECT): what is said in one
 * depends on what the other side says.
 *
 * The caller's abort does not reach the shadow, whose time is bounded by `timeoutMs` alone: a shadow slower than the
 * original would otherwise be cut off whenever it is worth a look.
 *
 * It stands inside of what chooses the route and outside of `retry`, so that a call is copied once, whatever is tried.
 * Policies for the shadow stand in `to`, which is a stack like any other.
 *
 * Errors: none.
 *
 * Cost per call: about 2 µs for one that is mirrored, beside what `to` costs and what it takes to copy the body; about
 * 70 ns for another.
 *
 * Source: Envoy's `request_mirror_policies`.
 *
 * @throws RangeError when an option is out of range.
 */
export function mirror<Req extends HttpRequest = HttpRequest>(options: MirrorOptions<Req>): Layer<Req> {
  const settings = checked(options);
  const { to, ratio, maxInFlight, maxBytes, maxTotalBytes, maxResponseBytes, timeoutMs, marker } = settings;
  const shadows = new Shadows(settings);

  const around = layer<Req>("mirror", (inner) => ({
    options: { ratio, maxInFlight, maxBytes, maxTotalBytes, maxResponseBytes, timeoutMs, marker },
    state: () => shadows.state(),
    call(request, signal) {
      if (asksForTunnel(request) || !shadows.chooses(request)) return inner.call(request, signal);
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

  // A layer describes what it stands around; this one has a second service beside it.
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

/** When what the call itself does in this tick has been done: the shadow comes second. */
function sendLater<Req extends HttpRequest>(
  shadows: Shadows<Req>,
  request: Req,
  body: Body,
  held: number,
): void {
  queueMicrotask(() => shadows.send(request, body, held));
}
