import { accessLog } from "@pagoda/access-log";
import { authorize } from "@pagoda/authorize";
import { balance } from "@pagoda/balance";
import { buffer } from "@pagoda/buffer";
import { circuitBreaker } from "@pagoda/circuit-breaker";
import { coalesce } from "@pagoda/coalesce";
import { concurrencyLimit, gradient2 } from "@pagoda/concurrency-limit";
import { idempotent, type Replayable, type Service, service, staticEndpoints } from "@pagoda/core";
import { type HttpRequest, httpRequest, httpResponse, type HttpResponse, text } from "@pagoda/http";
import { failfast } from "@pagoda/failfast";
import { fallback } from "@pagoda/fallback";
import { fault } from "@pagoda/fault";
import { forwarded } from "@pagoda/forwarded";
import { grpcAnswers, grpcDeadline } from "@pagoda/grpc";
import { hedge } from "@pagoda/hedge";
import { loadShed } from "@pagoda/load-shed";
import { metrics } from "@pagoda/metrics";
import { mirror } from "@pagoda/mirror";
import { rateLimit } from "@pagoda/rate-limit";
import { replay } from "@pagoda/replay";
import { respond } from "@pagoda/respond";
import { retry } from "@pagoda/retry";
import { statusErrors } from "@pagoda/status-errors";
import { timeout } from "@pagoda/timeout";
import { clientSpan, serverSpan } from "@pagoda/tracing";
import { right } from "fp-ts/lib/Either.js";
import { pino } from "pino";
import { Registry } from "prom-client";
import type { Group, Subject } from "./subject.ts";

type Request = HttpRequest & Replayable & { readonly requestId: string };
type Leaf = Service<Request, HttpResponse>;

const leafName = "a resolved leaf for an HTTP request";
const request: Request = {
  ...httpRequest("http://shop.example/cart", { headers: { accept: "text/html", "user-agent": "bench" } }),
  replay: idempotent,
  requestId: "1",
};
/** Its body has ended: who waits for that has no more to do, and leaves nothing behind. */
const answer = Promise.resolve(right(httpResponse(200)));

function leaf(): Leaf {
  return service("leaf", () => answer);
}

/** What a layer that lets a call pass adds to it. */
function adds(what: string, around: (inner: Leaf) => Service<Request, unknown, unknown>): Subject {
  return {
    what: `${what}: time added`,
    prepare() {
      const layered = around(leaf());
      return { run: () => layered.call(request) };
    },
    beyond: { base: leafName, layers: 1 },
  };
}

const nowhere = { write(): void {} };
const unlimited = { perSecond: 1_000_000, burst: 1_000_000_000 };

/** Every layer by itself, letting one call pass after the other. */
export const layers: Group = {
  name: "layers",
  subjects: [
    {
      what: leafName,
      prepare() {
        const bare = leaf();
        return { run: () => bare.call(request) };
      },
      reason: "what those below are compared with",
    },
    adds("access-log, of a call below its level", accessLog({ logger: pino({ level: "warn" }, nowhere) })),
    adds(
      "authorize by path",
      authorize({ rules: [{ name: "cart", effect: "allow", to: { paths: ["/cart/*"] } }] }),
    ),
    adds("balance over two endpoints", (inner) =>
      balance({ discovery: staticEndpoints([{ key: "a" }, { key: "b" }]), connect: () => inner }),
    ),
    adds("buffer", buffer({ capacity: 10 })),
    adds("circuit-breaker", circuitBreaker()),
    adds("coalesce, first of its key", coalesce({ key: ({ path }: Request) => path })),
    adds("concurrency-limit, fixed", concurrencyLimit({ limit: 10 })),
    adds("concurrency-limit, gradient2", concurrencyLimit({ limit: gradient2() })),
    adds("failfast", failfast()),
    adds("fallback", fallback({ Overloaded: () => right(text("later")) })),
    adds("fault, that hits nobody", fault({ failure: { ratio: 0 } })),
    adds("forwarded", forwarded()),
    adds("grpc-answers, of a request that is not gRPC's", grpcAnswers()),
    adds("grpc-deadline, of a request that is not gRPC's", grpcDeadline()),
    adds("hedge", hedge()),
    adds("load-shed", loadShed()),
    adds("metrics", metrics({ registry: new Registry() })),
    adds("metrics by route", metrics({ registry: new Registry(), routes: true })),
    adds("mirror, of one call in a hundred", mirror({ to: leaf(), ratio: 0.01 })),
    adds("rate-limit over all", rateLimit({ global: unlimited })),
    adds("rate-limit of one key", rateLimit({ keyed: { ...unlimited, key: ({ path }: Request) => path } })),
    adds("replay", replay()),
    adds("respond", respond({ TimedOut: { status: 504, message: "too slow" } })),
    adds("retry", retry()),
    adds("status-errors, of a success", statusErrors()),
    adds("timeout", timeout({ ms: 60_000 })),
    adds("tracing of a call, without an SDK", serverSpan()),
    adds("tracing of a try, without an SDK", clientSpan()),
  ],
};
