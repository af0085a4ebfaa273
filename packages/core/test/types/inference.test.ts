import { describe, expect, test } from "vitest";
import { compile, compilers } from "./compile.ts";

const imports = `
import { type Aborted, type Adapter, adapter, andThen, callAll, type Either, type ErrorOf, type Fault, filter, fromAsync, fromTaskEither, type Layer, layer, left, mapError, mapRequest, mapResponse, oneshot, optional, type Passes, policy, refine, type RequestOf, type ResponseOf, right, service, type Service, ServiceBuilder, steer, thenResult, toTaskEither } from "@pagoda/core";
import * as TE from "fp-ts/lib/TaskEither.js";
import {
  type BadBody, cached, type HttpRequest, type HttpResponse, json, metrics, type NoRoute, origin, type RateLimited, rateLimit, type Refused,
  respond, retry, type Routed, router, type Same, serve, type TimedOut, timeout, url,
} from "./layers.ts";
declare const flag: boolean;
const http = new ServiceBuilder<HttpRequest>();
`;

/** Each program must compile. Expected errors are marked with `@ts-expect-error`. */
const statements: Readonly<Record<string, string>> = {
  "the errors of a stack are inferred, with no annotation": `
    const stack = http.layer(router()).layer(timeout(1)).layer(rateLimit({ key: () => "" })).service(origin);
    const same: Same<ErrorOf<typeof stack>, NoRoute | TimedOut | RateLimited | Refused> = true;`,

  "errors that are handled do not come out": `
    const stack = http.layer(respond({ TimedOut: 504, Refused: 502 })).layer(timeout(1)).service(origin);
    const same: Same<ErrorOf<typeof stack>, never> = true;
    serve(stack);`,

  "errors raised outside a handler still come out": `
    const stack = http.layer(timeout(1)).layer(respond({ TimedOut: 504, Refused: 502 })).service(origin);
    const same: Same<ErrorOf<typeof stack>, TimedOut> = true;`,

  "errors raised on both sides of a handler come out once": `
    const stack = http.layer(timeout(1)).layer(respond({ TimedOut: 504 })).layer(timeout(1)).service(origin);
    const same: Same<ErrorOf<typeof stack>, TimedOut | Refused> = true;`,

  "a stack takes the request that it was begun with": `
    const stack = http.layer(router()).layer(retry()).service(origin);
    const same: Same<RequestOf<typeof stack>, HttpRequest> = true;`,

  "the innermost service finds what layers added": `
    declare const routed: Service<HttpRequest & Routed, HttpResponse>;
    http.layer(router()).service(routed);
    // @ts-expect-error: nothing added the route
    http.service(routed);`,

  "responses that a layer makes itself join the response": `
    const stack = http.layer(cached()).layer(respond({ Refused: 502 })).service(origin);
    const same: Same<ResponseOf<typeof stack>, HttpResponse | "from the cache"> = true;`,

  "a stack of nothing is the service": `
    const same: Same<ReturnType<typeof http.service<HttpResponse, Refused>>, typeof origin> = true;`,

  "a builder as one layer says what all its layers say": `
    const layers = http.layer(respond({ TimedOut: 504 })).layer(timeout(1)).layer(router()).asLayer();
    const same: Same<typeof layers, Layer<HttpRequest, Routed, NoRoute, Fault<"TimedOut">, HttpResponse>> =
      true;
    const stack = http.layer(metrics()).layer(layers).layer(retry()).layer(timeout(1)).service(origin);
    const errors: Same<ErrorOf<typeof stack>, NoRoute | Refused> = true;`,

  "a callback in an inline factory's options sees the builder's request": `
    http.layer(rateLimit({ key: (request) => request.path }));
    // @ts-expect-error: there is no router outside
    http.layer(rateLimit({ key: (request) => request.route }));
    http.layer(router()).layer(rateLimit({ key: (request) => request.path + request.route }));`,

  "a callback in an inline factory's options does not blur the factory's errors": `
    const limited = http.layer(rateLimit({ key: (request) => request.path })).service(origin);
    const errors: Same<ErrorOf<typeof limited>, RateLimited | Refused> = true;
    const filtered = http
      .layer(filter((request) => (request.path === "" ? left("no path" as const) : right(request))))
      .service(origin);
    const own: Same<ErrorOf<typeof filtered>, "no path" | Refused> = true;`,

  "a layer around one service, without a builder, says the same": `
    const limited = timeout(1)(origin);
    const same: Same<typeof limited, Service<HttpRequest, HttpResponse, TimedOut | Refused>> = true;
    const answered = respond({ Refused: 502 })(origin);
    const none: Same<ErrorOf<typeof answered>, never> = true;
    const cache = cached()(origin);
    const yields: Same<ResponseOf<typeof cache>, HttpResponse | "from the cache"> = true;`,

  "a service that needs less, gives less or fails less can stand for one with more": `
    declare const modest: Service<{ readonly path: string }, { readonly status: 200 }, never>;
    const asked: Service<HttpRequest, HttpResponse, Refused> = modest;
    // @ts-expect-error: it needs the method
    const needs: Service<{ readonly path: string }, HttpResponse, Refused> = origin;
    // @ts-expect-error: it may return any status
    const gives: Service<HttpRequest, { readonly status: 200 }, Refused> = origin;
    // @ts-expect-error: it may fail
    const fails: Service<HttpRequest, HttpResponse, never> = origin;`,

  "a layer that needs less or adds more can stand for one that needs more or adds less": `
    declare const both: Layer<HttpRequest, Routed & { readonly tenant: string }>;
    const adds: Layer<HttpRequest, Routed> = both;
    const needs: Layer<HttpRequest & Routed, Routed> = both;
    // @ts-expect-error: it needs an HttpRequest
    const anywhere: Layer<unknown, Routed> = both;
    // @ts-expect-error: it does not add the port
    const port: Layer<HttpRequest, { readonly port: number }> = both;
    // @ts-expect-error: it may raise
    const silent: Layer = timeout(1);`,

  "mapRequest adds what its function adds": `
    const tenant = mapRequest((request: HttpRequest) => ({ ...request, tenant: "a" }));
    declare const wants: Service<HttpRequest & Routed & { readonly tenant: string }, HttpResponse, Refused>;
    const stack = http.layer(router()).adapt(tenant).service(wants);
    const same: Same<typeof stack, Service<HttpRequest, HttpResponse, NoRoute | Refused>> = true;
    const inline = http.layer(router())
      .adapt(mapRequest((request) => ({ ...request, tenant: request.route })))
      .layer(rateLimit({ key: (request) => request.tenant }))
      .service(wants);
    // @ts-expect-error: nothing added the tenant
    http.layer(router()).service(wants);`,

  "mapRequest replaces a request that its function does not give back": `
    const fromUrl = new ServiceBuilder<string>().adapt(mapRequest((url) => ({ method: "GET", path: url }))).layer(router());
    const stack = fromUrl.service(origin);
    const same: Same<typeof stack, Service<string, HttpResponse, NoRoute | Refused>> = true;
    const replaced = http.layer(router()).adapt(mapRequest((request) => ({ method: "GET", path: request.route })));
    // @ts-expect-error: the route is gone
    replaced.layer(retry());
    // @ts-expect-error: it does not accept strings
    http.adapt(mapRequest((url: string) => ({ method: "GET", path: url })));`,

  "what is not a layer does not go into layer(), whatever its type": `
    // @ts-expect-error: a plain function
    http.layer(<Req, Res, Err>(inner: Service<Req, Res, Err>) => inner);
    // @ts-expect-error: a function around a specific service
    http.layer((inner: typeof origin) => inner);
    // @ts-expect-error: a function whose parameter the builder would infer
    http.layer((inner) => inner);
    // @ts-expect-error: a function that composes layers
    const composed: Layer<unknown, unknown, TimedOut> = (inner) => timeout(1)(metrics()(inner));
    // @ts-expect-error: an adapter
    http.layer(mapResponse((response: HttpResponse) => response.status));
    // @ts-expect-error: a service
    http.layer(origin);
    const layers: Layer<HttpRequest, HttpRequest, TimedOut, never, never, HttpResponse> =
      http.layer(timeout(1)).layer(metrics()).asLayer();`,

  "what is not an adapter does not go into adapt(), whatever its type": `
    // @ts-expect-error: a plain function
    http.adapt(<Req, Res, Err>(inner: Service<Req, Res, Err>) => inner);
    // @ts-expect-error: a layer
    http.adapt(timeout(1));
    // @ts-expect-error: a service
    http.adapt(origin);`,

  "mapResponse and mapError change one type and leave the others": `
    const status = mapResponse((response: HttpResponse) => response.status)(origin);
    const response: Same<typeof status, Service<HttpRequest, number, Refused>> = true;
    const tag = mapError((error: Refused) => error._tag)(origin);
    const error: Same<typeof tag, Service<HttpRequest, HttpResponse, "Refused">> = true;
    const stack = http
      .adapt(mapResponse((response: HttpResponse) => response.status))
      .adapt(mapError((error: Refused | TimedOut) => error._tag))
      .layer(router2())
      .layer(timeout(1))
      .service(origin);
    const both: Same<typeof stack, Service<HttpRequest, number, "Refused" | "TimedOut">> = true;
    declare function router2(): Layer<HttpRequest, Routed>;`,

  "a callback without annotation sees the request, and unknown responses and errors": `
    const stack = http
      .layer(router())
      .adapt(mapRequest((request) => ({ ...request, tenant: request.route })))
      .adapt(mapResponse((response) => ({ response })))
      .adapt(mapError((error) => ({ error })))
      .layer(timeout(1))
      .service(origin);
    const same: Same<typeof stack, Service<HttpRequest, { response: unknown }, NoRoute | { error: unknown }>> = true;`,

  "andThen continues with responses and adds its errors": `
    declare const timedOut: TimedOut;
    const stack = http
      .layer(router())
      .adapt(
        andThen(async (response: HttpResponse, signal) => {
          if (signal?.aborted) return left(timedOut);
          return response.status > 499 ? left("bad" as const) : right(response.status);
        }),
      )
      .layer(metrics())
      .service(origin);
    const same: Same<typeof stack, Service<HttpRequest, number, NoRoute | TimedOut | "bad" | Refused>> = true;`,

  "thenResult continues with every result, and no inner error passes it": `
    const stack = http
      .layer(router())
      .adapt(
        thenResult(async (result: Either<Refused | TimedOut, HttpResponse>) =>
          result._tag === "Left" ? (flag ? right(0) : left("late" as const)) : right(result.right.status),
        ),
      )
      .layer(timeout(1))
      .service(origin);
    const same: Same<typeof stack, Service<HttpRequest, number, NoRoute | "late">> = true;`,

  "json changes the response, url the request, and layers further in see neither change": `
    const stack = new ServiceBuilder<string>()
      .adapt(json((value) => ({ id: Number(value) })))
      .adapt(url())
      .layer(metrics())
      .layer(timeout(1))
      .service(origin);
    const same: Same<typeof stack, Service<string, { id: number }, BadBody | TimedOut | Refused>> = true;
    const around = json((value) => ({ id: Number(value) }))(origin);
    const alone: Same<typeof around, Service<HttpRequest, { id: number }, BadBody | Refused>> = true;`,

  "a response may change back and forth": `
    const stack = http
      .layer(metrics())
      .adapt(mapResponse((user: { id: number }) => ({ status: user.id })))
      .adapt(json((value) => ({ id: Number(value) })))
      .layer(respond({ Refused: 502 }))
      .service(origin);
    const same: Same<typeof stack, Service<HttpRequest, { status: number }, BadBody>> = true;`,

  "responses that layers outside an adapter make join its response": `
    const stack = http.layer(cached()).adapt(json((value) => Number(value))).layer(respond({ Refused: 502 })).service(origin);
    const same: Same<typeof stack, Service<HttpRequest, "from the cache" | number, BadBody>> = true;`,

  "errors that end inside an adapter need not be taken by it": `
    const stack = http
      .adapt(mapError((error: Refused) => error._tag))
      .layer(respond({ TimedOut: 504 }))
      .layer(timeout(1))
      .service(origin);
    const same: Same<typeof stack, Service<HttpRequest, HttpResponse, "Refused">> = true;`,

  "a stack with adapters is an adapter": `
    const users = http.layer(timeout(1)).adapt(json((value) => Number(value))).layer(metrics()).asAdapter();
    const same: Same<typeof users, Adapter<HttpRequest, HttpRequest, HttpResponse, number, TimedOut | BadBody>> = true;
    const stack = http.layer(router()).adapt(users).service(origin);
    const used: Same<typeof stack, Service<HttpRequest, number, NoRoute | TimedOut | BadBody | Refused>> = true;
    // @ts-expect-error: it changes the response
    http.adapt(json((value) => Number(value))).asLayer();
    // @ts-expect-error: it accepts only certain errors
    http.adapt(mapError((error: Refused) => error)).asLayer();`,

  "an adapter that is generic in what it speaks needs no cast": `
    function decoded<T>(decode: (text: HttpResponse) => T) {
      return adapter<unknown, Passes<unknown>, HttpResponse, T, BadBody>("decoded", (inner) => ({
        call: async (request, signal) => {
          const result = await inner.call(request, signal);
          return result._tag === "Left" ? result : right(decode(result.right));
        },
      }));
    }
    const number = decoded(({ status }) => status)(origin);
    const response: Same<typeof number, Service<HttpRequest, number, BadBody | Refused>> = true;
    function encoded<T>(encode: (value: T) => HttpRequest) {
      return adapter<T, HttpRequest, unknown, Passes<never>>("encoded", (inner) => ({
        call: (value, signal) => inner.call(encode(value), signal),
      }));
    }
    const path = encoded((path: string) => ({ method: "GET", path }))(origin);
    const request: Same<typeof path, Service<string, HttpResponse, Refused>> = true;
    adapter<unknown, Passes<unknown>, HttpResponse, number>("forgetful", (inner) => ({
      // @ts-expect-error: it does not change the response
      call: (request, signal) => inner.call(request, signal),
    }));`,

  // Defect: only the first of several errors was inferred, and the others did not compile.
  "a service's errors and responses are the union of all that its function returns": `
    declare const refused: Refused, timedOut: TimedOut;
    const several = service("several", async (request: HttpRequest) => {
      if (request.path === "/a") return left(refused);
      if (request.path === "/b") return left(timedOut);
      if (request.path === "/c") return right("text" as const);
      return right({ status: 200 });
    });
    const all: Same<typeof several, Service<HttpRequest, { status: number } | "text", Refused | TimedOut>> = true;
    const one = service("one", async (request: HttpRequest) => (request.path === "/" ? right(1) : left(refused)));
    const same: Same<typeof one, Service<HttpRequest, number, Refused>> = true;
    const sure = service("sure", async (path: string) => right(path.length));
    const none: Same<typeof sure, Service<string, number, never>> = true;
    const stated = service<HttpRequest, HttpResponse, Refused | TimedOut>("stated", async () => left(timedOut));
    const given: Same<typeof stated, Service<HttpRequest, HttpResponse, Refused | TimedOut>> = true;
    const context: Service<string, number, Refused> = service("context", async () =>
      left({ _tag: "Refused", origin: "local", retryable: false }),
    );
    const stack = http.layer(router()).service(
      service("inline", async (request: HttpRequest & Routed) =>
        request.route === "" ? left(refused) : flag ? left(timedOut) : right({ status: 200 }),
      ),
    );
    const errors: Same<ErrorOf<typeof stack>, NoRoute | Refused | TimedOut> = true;
    const settled = service("settled", (request: HttpRequest) => {
      if (request.path === "/a") return Promise.resolve(left(refused));
      if (request.path === "/b") return Promise.resolve(left(timedOut));
      return Promise.resolve(right(1));
    });
    const promises: Same<typeof settled, Service<HttpRequest, number, Refused | TimedOut>> = true;
    const tasks = fromTaskEither("tasks", (path: string) => {
      if (path === "/a") return TE.left(refused);
      return path === "/b" ? TE.left(timedOut) : TE.right(1);
    });
    const tasked: Same<typeof tasks, Service<string, number, Refused | TimedOut>> = true;
    // @ts-expect-error: it does not return an Either
    service("number", async (path: string) => path.length);
    function wrap<Req, Res, Err>(run: (request: Req) => Promise<Either<Err, Res>>): Service<Req, Res, Err> {
      return service("generic", run);
    }`,

  "filter and refine raise the union of what their checks give as Left": `
    declare const refused: Refused, timedOut: TimedOut;
    const checked = http.layer(
      filter((request) => {
        if (request.path === "") return left(refused);
        return request.method === "GET" ? right(request) : left(timedOut);
      }),
    ).service(origin);
    const errors: Same<ErrorOf<typeof checked>, Refused | TimedOut> = true;
    const signedIn = refine(async (request: HttpRequest) => {
      if (request.path === "") return left(refused);
      if (request.method === "PUT") return left(timedOut);
      return right({ ...request, user: "a" });
    });
    declare const wants: Service<HttpRequest & { readonly user: string }, HttpResponse, never>;
    const stack = http.layer(signedIn).service(wants);
    const same: Same<typeof stack, Service<HttpRequest, HttpResponse, Refused | TimedOut | Aborted>> = true;
    const inline = http
      .layer(router())
      .layer(refine(async (request) => (request.route === "" ? left(refused) : right({ ...request, user: 1 }))));
    const numbered: typeof inline = inline;
    // @ts-expect-error: nothing added the user
    http.layer(router()).service(wants);
    // @ts-expect-error: the result must still be the request
    refine(async (request: HttpRequest) => right({ path: request.path }));`,

  "filter raises what its check gives as Left": `
    const checked = filter((request: HttpRequest) => (flag ? left(1 as const) : right(request)));
    const same: Same<typeof checked, Layer<HttpRequest, unknown, 1>> = true;`,

  "an optional layer's errors may come": `
    const stack = http.layer(optional(flag ? timeout(1) : undefined)).service(origin);
    const same: Same<ErrorOf<typeof stack>, TimedOut | Refused> = true;`,

  "an optional layer promises nothing of what it adds": `
    // @ts-expect-error: the inner part needs the route
    http.layer(optional(flag ? router() : undefined)).layer(retry());`,

  "a layer that handles errors cannot be optional": `
    // @ts-expect-error: the outer part relies on the response
    optional(flag ? respond({ Refused: 502 }) : undefined);`,

  "a handler layer compiles when it handles what it declares": `
    const handler = layer<unknown, unknown, never, Refused, "handled">("handler", (inner) => ({
      call: async (request, signal) => {
        const result = await inner.call(request, signal);
        if (result._tag === "Right") return result;
        return isRefused(result.left) ? right("handled" as const) : left(result.left);
      },
    }));
    declare function isRefused<E>(error: E | Refused): error is Refused;
    const same: Same<typeof handler, Layer<unknown, unknown, never, Refused, "handled">> = true;`,

  "a waiter may see Aborted besides the service's own errors": `
    const once = oneshot(origin, { method: "GET", path: "/" });
    const same: Same<Awaited<typeof once>, Either<Refused | Aborted, HttpResponse>> = true;
    const task = toTaskEither(origin);
    const ran: Same<Awaited<ReturnType<ReturnType<typeof task>>>, Awaited<typeof once>> = true;
    const all = callAll(origin, [{ method: "GET", path: "/" }]);
    const each: Same<typeof all, AsyncGenerator<Either<Refused | Aborted, HttpResponse>, void, undefined>> = true;`,

  "services to steer between are alike, and pick sees the request": `
    const steered = steer([origin, origin], (request) => request.path.length);
    const same: Same<typeof steered, typeof origin> = true;`,

  "a policy has the errors that its layers and onThrow leave": `
    declare const spare: Layer<unknown, unknown, never, TimedOut | BadBody, "spare">;
    declare const badBody: BadBody;
    const inside = policy(spare, timeout(1));
    const none: Same<ReturnType<typeof inside.execute<number>>, Promise<Either<Aborted, number | "spare">>> = true;
    const thrown = inside.onThrow(() => badBody).execute(() => 1);
    const handled: Same<typeof thrown, Promise<Either<Aborted, number | "spare">>> = true;
    const outside = policy(timeout(1), spare).execute(() => 1);
    const both: Same<typeof outside, Promise<Either<Aborted | TimedOut, number | "spare">>> = true;`,

  "fromAsync has the error that its function makes": `
    const made = fromAsync("made", async (path: string) => path.length, () => "failed" as const);
    const same: Same<typeof made, Service<string, number, "failed">> = true;`,
};

describe.each(compilers)("types, as %s infers them", (compiler) => {
  const names = Object.keys(statements);
  const sources = names.map((name, index) => [`case${index}`, `${imports}${statements[name]}\nexport {};\n`]);
  const { complaints } = compile("inference", Object.fromEntries(sources), compiler);

  test.each(names.map((name, index) => [name, `case${index}`]))("%s", (_name, file) => {
    expect(complaints[file]).toEqual([]);
  });

  test("the layers of the programs compile", () => {
    expect(complaints["layers"]).toEqual([]);
  });
});
