import type { BufferFull, QueueTimedOut } from "@pagoda/buffer";
import type { CircuitOpen } from "@pagoda/circuit-breaker";
import {
  type Client,
  client,
  type ClientClosed,
  type ClientOptions,
  type ErrorsOf,
  type JsonError,
  type ReadError,
  type TooManyHosts,
  type UrlRefused,
} from "@pagoda/client";
import {
  type Aborted,
  type Either,
  type Fault,
  type Layer,
  left,
  right,
  type Service,
  service,
} from "@pagoda/core";
import { fromFetch, type FetchFailed } from "@pagoda/fetch";
import type { RedirectRefused, TooManyRedirects } from "@pagoda/follow-redirects";
import { type HttpRequest, type HttpResponse, json } from "@pagoda/http";
import type { TimedOut } from "@pagoda/timeout";
import type { TransportFault } from "@pagoda/transport";
import { describe, expect, expectTypeOf, test } from "vitest";
import * as z from "zod";
import { answering } from "./given.ts";

type Always = Aborted | UrlRefused | TooManyHosts | ClientClosed;
type Redirects = TooManyRedirects | RedirectRefused;
type Everything = Always | Redirects | TimedOut | CircuitOpen | BufferFull | QueueTimedOut | TransportFault;
type ErrorIn<C> = C extends Client<infer Err> ? Err : never;

const baseUrl = "http://shop.example";
interface Denied extends Fault<"Denied"> {}
declare const own: Layer<HttpRequest, unknown, Denied>;
declare const accepting: Layer<HttpRequest, unknown, Denied, never, never, HttpResponse>;
declare const answeringItself: Layer<HttpRequest, unknown, Denied, never, HttpResponse, HttpResponse>;
declare const sometimes: boolean;
declare const denied: Denied;
declare const quick: Service<HttpRequest, HttpResponse>;

describe("the errors of a client", () => {
  test("are those of its policies and its transport", () => {
    expectTypeOf(client()).toEqualTypeOf<Client<Everything>>();
    const api = client({ baseUrl, timeoutMs: 5, retry: { attempts: 2 }, hedge: true, circuitBreaker: {} });
    expectTypeOf<ErrorIn<typeof api>>().toEqualTypeOf<Everything>();
  });

  test("do not include those of a policy that is off", () => {
    expectTypeOf<ErrorsOf<{ circuitBreaker: false }>>().toEqualTypeOf<Exclude<Everything, CircuitOpen>>();
    expectTypeOf<ErrorsOf<{ concurrency: false }>>().toEqualTypeOf<
      Exclude<Everything, BufferFull | QueueTimedOut>
    >();
    expectTypeOf<ErrorsOf<{ timeoutMs: false }>>().toEqualTypeOf<Everything>();
    const bare = client({
      baseUrl,
      timeoutMs: false,
      tryTimeoutMs: false,
      redirects: false,
      circuitBreaker: false,
      concurrency: false,
    });
    expectTypeOf<ErrorIn<typeof bare>>().toEqualTypeOf<Always | TransportFault>();
  });

  test("include those of a policy that may be on", () => {
    expectTypeOf<ErrorsOf<{ circuitBreaker: false | { openMs: number } }>>().toEqualTypeOf<Everything>();
  });

  test("include those of own layers, whatever else these do or whether they are there", () => {
    type WithOwn<Own> = ErrorsOf<{ readonly perCall: Own }>;
    expectTypeOf<WithOwn<typeof own>>().toEqualTypeOf<Everything | Denied>();
    expectTypeOf<WithOwn<typeof accepting>>().toEqualTypeOf<Everything | Denied>();
    expectTypeOf<WithOwn<typeof answeringItself>>().toEqualTypeOf<Everything | Denied>();
    expectTypeOf<WithOwn<typeof own | undefined>>().toEqualTypeOf<Everything | Denied>();
    expectTypeOf<WithOwn<Layer<HttpRequest>>>().toEqualTypeOf<Everything>();
    expectTypeOf<ErrorsOf<{ readonly perTry?: typeof answeringItself }>>().toEqualTypeOf<
      Everything | Denied
    >();
    const make = () =>
      client({ baseUrl, perCall: answeringItself, ...(sometimes && { perTry: answeringItself }) });
    expectTypeOf<ErrorIn<ReturnType<typeof make>>>().toEqualTypeOf<Everything | Denied>();
    expectTypeOf<ErrorsOf<ClientOptions>>().toBeUnknown();
  });

  test("include those of a service made inside `connect`", () => {
    const stub = () =>
      client({ baseUrl, connect: () => service("stub", async (_: HttpRequest) => right(json(1))) });
    expectTypeOf<ErrorIn<ReturnType<typeof stub>>>().toEqualTypeOf<Exclude<Everything, TransportFault>>();
    const refusing = () =>
      client({
        connect: (origin) =>
          service("stub", async ({ path }: HttpRequest) =>
            path === "/" ? right(json(origin)) : left(denied),
          ),
      });
    expectTypeOf<ErrorIn<ReturnType<typeof refusing>>>().toEqualTypeOf<
      Exclude<Everything, TransportFault> | Denied
    >();
    const closing = () =>
      client({
        connect: () => ({
          ...service("stub", async (_: HttpRequest) => left(denied)),
          close: async () => {},
        }),
      });
    expectTypeOf<ErrorIn<ReturnType<typeof closing>>>().toEqualTypeOf<
      Exclude<Everything, TransportFault> | Denied
    >();
    expectTypeOf<ErrorsOf<{ readonly connect?: () => typeof quick }>>().toEqualTypeOf<Everything>();
  });

  test("include those of own layers and the own connection", () => {
    const make = () => client({ baseUrl, perCall: own, connect: () => fromFetch() });
    expectTypeOf<ErrorIn<ReturnType<typeof make>>>().toEqualTypeOf<
      Exclude<Everything, TransportFault> | Denied | FetchFailed
    >();
    const perTry = () => client({ baseUrl, perTry: own, connect: () => quick });
    expectTypeOf<ErrorIn<ReturnType<typeof perTry>>>().toEqualTypeOf<
      Exclude<Everything, TransportFault> | Denied
    >();
  });
});

describe("a result", () => {
  const api = client({ baseUrl, connect: () => answering(() => json({ watts: 5 })) });
  type Err = ErrorIn<typeof api>;

  test("is what the schema gives, or one of the errors", async () => {
    const lamp = await api.get("/").json(z.object({ watts: z.number() }));
    expectTypeOf(lamp).toEqualTypeOf<Either<Err | JsonError, { watts: number }>>();
    expectTypeOf(await api.get("/").json()).toEqualTypeOf<Either<Err | JsonError, unknown>>();
    expectTypeOf(await api.get("/").text()).toEqualTypeOf<Either<Err | ReadError, string>>();
    expectTypeOf(await api.get("/")).toEqualTypeOf<Either<Err | ReadError, HttpResponse>>();
    expectTypeOf(await api.get("/").stream()).toEqualTypeOf<Either<Err, HttpResponse>>();
    expect(lamp).toEqual(right({ watts: 5 }));
  });

  test("is only the value with exceptions", async () => {
    const lamp = await api.orThrow.get("/").json(z.object({ watts: z.number() }));
    expectTypeOf(lamp).toEqualTypeOf<{ watts: number }>();
    expectTypeOf(await api.orThrow.get("/")).toEqualTypeOf<HttpResponse>();
  });

  test("can be distinguished by tag", async () => {
    const result = await api.get("/").json();
    if (result._tag === "Left" && result.left._tag === "StatusError")
      expectTypeOf(result.left.status).toEqualTypeOf<number>();
    if (result._tag === "Left" && result.left._tag === "CircuitOpen")
      expectTypeOf(result.left).toEqualTypeOf<CircuitOpen>();
  });
});

test("mistakes do not compile", () => {
  const mistakes = (): unknown => [
    // @ts-expect-error: unknown option
    client({ baseurl: "http://shop.example" }),
    // @ts-expect-error: a policy is turned off with false
    client({ baseUrl, retry: true }),
    // @ts-expect-error: GET has no body
    client({ baseUrl }).get("/", { json: 1 }),
    // @ts-expect-error: a layer that needs what no request has
    client({ baseUrl, perCall: {} as Layer<HttpRequest & { readonly route: string }> }),
    // @ts-expect-error: a layer that responds with something else
    client({ baseUrl, perCall: {} as Layer<HttpRequest, unknown, never, never, string> }),
    // @ts-expect-error: a service that responds with something else
    client({ baseUrl, connect: () => service("stub", async (_: HttpRequest) => right(1)) }),
  ];
  expect(mistakes).toBeTypeOf("function");
});
