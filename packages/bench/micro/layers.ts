import { accessLog } from "@pagoda/access-log";
import { authorize } from "@pagoda/authorize";
import { balance } from "@pagoda/balance";
import { basicAuth, passwords } from "@pagoda/basic-auth";
import { bodyLimit, responseBodyLimit } from "@pagoda/body-limit";
import { buffer } from "@pagoda/buffer";
import { cache } from "@pagoda/cache";
import { circuitBreaker } from "@pagoda/circuit-breaker";
import { coalesce } from "@pagoda/coalesce";
import { compress } from "@pagoda/compress";
import { concurrencyLimit, gradient2 } from "@pagoda/concurrency-limit";
import { cors } from "@pagoda/cors";
import { idempotent, type Replayable, right, service, type Service, staticEndpoints } from "@pagoda/core";
import {
  type HttpRequest,
  httpRequest,
  httpResponse,
  type HttpResponse,
  text,
  type WithClaims,
} from "@pagoda/http";
import { decompress, decompressRequests } from "@pagoda/decompress";
import { extAuthz } from "@pagoda/ext-authz";
import { failfast } from "@pagoda/failfast";
import { fallback } from "@pagoda/fallback";
import { fault } from "@pagoda/fault";
import { followRedirects } from "@pagoda/follow-redirects";
import { forwarded } from "@pagoda/forwarded";
import { grpcAnswers, grpcDeadline } from "@pagoda/grpc";
import { hedge } from "@pagoda/hedge";
import { fixedKeys, jwt, TokenCache } from "@pagoda/jwt";
import { loadShed } from "@pagoda/load-shed";
import { metrics } from "@pagoda/metrics";
import { mirror } from "@pagoda/mirror";
import { rateLimit } from "@pagoda/rate-limit";
import { replay } from "@pagoda/replay";
import { requestId } from "@pagoda/request-id";
import { respond } from "@pagoda/respond";
import { retry } from "@pagoda/retry";
import { statusErrors } from "@pagoda/status-errors";
import { timeout } from "@pagoda/timeout";
import { clientSpan, serverSpan } from "@pagoda/tracing";
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
const ann = request.headers.set("authorization", "Basic YW5uOnNlY3JldA==");
const key = {
  kty: "EC",
  crv: "P-256",
  x: "VbZASNH7PWEemnZfRnlriNo9TblAlN_tH4F4uRpzbM0",
  y: "RwPt6ZdJCPb3VMBzryEvynp_zE1qPPvz6R7PHIs5mAo",
};
const issuers = [{ issuer: "bench", audiences: ["shop"], keys: fixedKeys({ keys: [key] }) }];
/** ES256, and valid until 2100. */
const token = request.headers.set(
  "authorization",
  "Bearer eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJiZW5jaCIsImF1ZCI6InNob3AiLCJzdWIiOiJhbm4iLCJleHAiOjQxMDI0NDQ4MDB9.kcaayJOl-rsH4UZpKGhoy21RXvNODmMu6-pRdyeQ9EM96FYItTrHNKOnN0_I2hrihWPQ_C4zECbRhdSmGV1n6A",
);
/** Its body has ended, so that a layer which waits for the end does not have to. */
const answer = Promise.resolve(right(httpResponse(200)));

function leaf(): Leaf {
  return service("leaf", () => answer);
}

/** Time that a layer adds to a call that it lets through. */
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

/** Time added by the verification of a token. */
function tokens(what: string, cache: TokenCache): Subject {
  return adds(`jwt, ${what}`, (inner) => {
    const guarded = jwt({ issuers, cache })<Request & WithClaims<object>, HttpResponse, never>(inner);
    return { ...guarded, call: (request) => guarded.call({ ...request, headers: token, claims: {} }) };
  });
}

/** Time of a call that is answered from the store. */
function hit(): Subject {
  return {
    what: "cache, stored response",
    prepare() {
      const fresh = Promise.resolve(
        right(httpResponse(200, "content", { "cache-control": "max-age=1000000" })),
      );
      const layered = cache()(service("leaf", (_request: Request) => fresh));
      void layered.call(request);
      return { run: () => layered.call(request) };
    },
    reason: "instead of a call",
  };
}

const nowhere = { write(): void {} };
const unlimited = { perSecond: 1_000_000, burst: 1_000_000_000 };

/** Each layer alone, with one call after the other. */
export const layers: Group = {
  name: "layers",
  subjects: [
    {
      what: leafName,
      prepare() {
        const bare = leaf();
        return { run: () => bare.call(request) };
      },
      reason: "the baseline of the rows below",
    },
    adds("access-log, level above the call's", accessLog({ logger: pino({ level: "warn" }, nowhere) })),
    adds(
      "authorize by path",
      authorize({ rules: [{ name: "cart", effect: "allow", to: { paths: ["/cart/*"] } }] }),
    ),
    adds("balance over two endpoints", (inner) =>
      balance({ discovery: staticEndpoints([{ key: "a" }, { key: "b" }]), connect: () => inner }),
    ),
    adds("basic-auth, plain password", (inner) => {
      const guarded = basicAuth({ verify: passwords({ ann: "secret" }) })(inner);
      return { ...guarded, call: (request) => guarded.call({ ...request, headers: ann }) };
    }),
    adds("body-limit, known length", bodyLimit({ maxBytes: 1_000 })),
    adds("buffer", buffer({ capacity: 10 })),
    adds("cache, response that is not stored", cache()),
    hit(),
    adds("circuit-breaker", circuitBreaker()),
    adds("coalesce, first call of a key", coalesce({ key: ({ path }: Request) => path })),
    adds("compress, response that stays as it is", compress()),
    adds("concurrency-limit, fixed", concurrencyLimit({ limit: 10 })),
    adds("concurrency-limit, gradient2", concurrencyLimit({ limit: gradient2() })),
    adds("cors, request without Origin", cors({ origins: ["https://app.example"] })),
    adds("decompress, response without a coding", decompress()),
    adds("decompress-requests, request without a coding", decompressRequests()),
    adds("ext-authz, server that allows", extAuthz({ service: leaf() })),
    adds("failfast", failfast()),
    adds("fallback", fallback({ Overloaded: () => right(text("later")) })),
    adds("fault with ratio 0", fault({ failure: { ratio: 0 } })),
    adds("follow-redirects, no redirect", followRedirects()),
    adds("forwarded", forwarded()),
    adds("grpc-answers, request without gRPC", grpcAnswers()),
    adds("grpc-deadline, request without gRPC", grpcDeadline()),
    adds("hedge", hedge()),
    tokens("verified token", new TokenCache()),
    tokens("token to verify", new TokenCache(0)),
    adds("load-shed", loadShed()),
    adds("metrics", metrics({ registry: new Registry() })),
    adds("metrics by route", metrics({ registry: new Registry(), routes: true })),
    adds("mirror of 1% of calls", mirror({ to: leaf(), ratio: 0.01 })),
    adds("rate-limit, global", rateLimit({ global: unlimited })),
    adds("rate-limit, one key", rateLimit({ keyed: { ...unlimited, key: ({ path }: Request) => path } })),
    adds("replay", replay()),
    adds("request-id", requestId()),
    adds("respond", respond({ TimedOut: { status: 504, message: "too slow" } })),
    adds("response-body-limit, known length", responseBodyLimit({ maxBytes: 1_000 })),
    adds("retry", retry()),
    adds("status-errors, successful response", statusErrors()),
    adds("timeout", timeout({ ms: 60_000 })),
    adds("tracing, server span without an SDK", serverSpan()),
    adds("tracing, client span without an SDK", clientSpan()),
  ],
};
