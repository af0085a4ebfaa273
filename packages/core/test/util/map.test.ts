import {
  type Either,
  left,
  mapError,
  mapRequest,
  mapResponse,
  right,
  service,
  ServiceBuilder,
} from "@pagoda/core";
import { conformance, mockService } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";

interface Named {
  readonly name: string;
}

describe("mapRequest", () => {
  conformance(test, () => mapRequest((text: string) => text));

  test("changes the request on its way in", async () => {
    const stack = new ServiceBuilder<Named>()
      .adapt(mapRequest((request: Named) => ({ ...request, length: request.name.length })))
      .service(service("length", async ({ length }: { readonly length: number }) => right(length)));
    expect(await stack.call({ name: "abc" })).toEqual(right(3));
  });

  test("calls inner in the same tick", () => {
    const mock = mockService<string, string>();
    void mapRequest((text: string) => text)(mock.service).call("a");
    expect(mock.calls.length).toBe(1);
  });

  // Defect: it was thrown at the caller, which had set a timer and never cleared it.
  test("rejects when the function throws", async () => {
    const mistaken = mapRequest((_text: string): string => {
      throw new Error("a defect");
    });
    await expect(mistaken(mockService<string, string>().service).call("a")).rejects.toThrow("a defect");
  });
});

const half = service("half", async (n: number): Promise<Either<"odd", number>> =>
  n % 2 === 0 ? right(n / 2) : left("odd"),
);

describe("mapResponse", () => {
  conformance(test, () => mapResponse((text: string) => text.toUpperCase()), {
    response: () => "response",
    changes: { response: "all" },
  });

  test("changes responses and passes errors on", async () => {
    const shown = mapResponse((n: number) => `${n}`)(half);
    expect(await shown.call(4)).toEqual(right("2"));
    expect(await shown.call(3)).toEqual(left("odd"));
  });
});

describe("mapError", () => {
  conformance(test, () => mapError((error) => error));

  test("changes errors and passes responses on", async () => {
    const loud = mapError((error: "odd") => error.toUpperCase())(half);
    expect(await loud.call(4)).toEqual(right(2));
    expect(await loud.call(3)).toEqual(left("ODD"));
  });
});
