import {
  type ErrorOf,
  type Fault,
  type Layer,
  mapRequest,
  right,
  service,
  type Service,
  ServiceBuilder,
} from "@pagoda/core";
import { type HttpRequest, type HttpResponse, httpResponse, type Identified } from "@pagoda/http";
import { serve } from "@pagoda/http/server";
import { describe, expectTypeOf, test } from "vitest";
import { type Answer, type Answered, type Answers, respond } from "@pagoda/respond";

interface Slow extends Fault<"Slow"> {
  readonly afterMs: number;
}
interface Down extends Fault<"Down"> {
  readonly upstream: string;
}

const answer = { status: 503, message: "come back later" };
const identify = mapRequest((request: HttpRequest) => ({ ...request, requestId: "id" }));
const leaf = service<HttpRequest & Identified, HttpResponse, Slow | Down>("leaf", async () =>
  right(httpResponse(200)),
);

/** Errors of `Slow | Down` that remain outside a table. */
function left<const Table extends Answers>(table: Table) {
  return new ServiceBuilder<HttpRequest>().adapt(identify).layer(respond(table)).service(leaf);
}

describe("types", () => {
  test("answered errors disappear, others stay", () => {
    expectTypeOf(left({})).toEqualTypeOf<Service<HttpRequest, HttpResponse, Slow | Down>>();
    expectTypeOf(left({ Slow: answer })).toEqualTypeOf<Service<HttpRequest, HttpResponse, Down>>();
    expectTypeOf(left({ Slow: answer, Down: () => answer })).toEqualTypeOf<
      Service<HttpRequest, HttpResponse>
    >();
  });

  test("an answer to an error that cannot occur is allowed", () => {
    expectTypeOf<ErrorOf<ReturnType<typeof left<{ Unheard: Answer; Slow: Answer }>>>>().toEqualTypeOf<Down>();
  });

  test("a function handles its parameter type if the tag matches", () => {
    const right = left({ Slow: ({ afterMs }: Slow) => ({ status: 504, message: `${afterMs} ms` }) });
    expectTypeOf<ErrorOf<typeof right>>().toEqualTypeOf<Down>();
    const part = left({
      Slow: ({ afterMs }: { readonly afterMs: number }) => ({ status: 504, message: `${afterMs}` }),
    });
    expectTypeOf<ErrorOf<typeof part>>().toEqualTypeOf<Down>();
    const wrongTag = left({ Slow: ({ upstream }: Down) => ({ status: 502, message: upstream }) });
    expectTypeOf<ErrorOf<typeof wrongTag>>().toEqualTypeOf<Slow | Down>();
    const wrongField = left({
      Slow: ({ reason }: { readonly reason: string }) => ({ status: 502, message: reason }),
    });
    expectTypeOf<ErrorOf<typeof wrongField>>().toEqualTypeOf<Slow | Down>();
  });

  test("defect: a table of unknown tags counted as answering every error", () => {
    const table: Answers = { Slow: answer };
    expectTypeOf<ErrorOf<ReturnType<typeof left<typeof table>>>>().toEqualTypeOf<Slow | Down>();
    expectTypeOf<Answered<typeof table>>().toEqualTypeOf<never>();
  });

  test("defect: an optional answer counted as given", () => {
    expectTypeOf<Answered<{ readonly Slow?: Answer; readonly Down: Answer }>>().toEqualTypeOf<
      Fault<"Down">
    >();
  });

  test("requires an id, raises nothing and yields responses", () => {
    expectTypeOf(respond({ Slow: answer })).toEqualTypeOf<
      Layer<HttpRequest & Identified, unknown, never, Fault<"Slow">, HttpResponse>
    >();
  });

  test("does not compile without a request id", () => {
    // @ts-expect-error: Property 'requestId' is missing in type 'HttpRequest' but required in type 'Identified'.
    new ServiceBuilder<HttpRequest>().layer(respond({ Slow: answer }));
  });

  test("a stack with an unanswered error cannot be served", () => {
    // Never called; only its types are checked.
    expectTypeOf(() => {
      // @ts-expect-error: Type 'Down' is not assignable to type 'never'.
      void serve(left({ Slow: answer }));
      void serve(left({ Slow: answer, Down: answer }));
    }).toBeFunction();
  });

  test("an answer requires status and message", () => {
    // @ts-expect-error: the message is missing.
    respond({ Slow: { status: 504 } });
    // @ts-expect-error: a function must return an answer.
    respond({ Slow: () => "504" });
  });
});
