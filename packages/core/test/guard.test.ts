import { type Either, layer, right, service, type Service, ServiceBuilder, withoutGuard } from "@pagoda/core";
import { describe, expect, test } from "vitest";

const throwing = service("throwing", (_text: string): never => {
  throw new Error("a defect");
});

/** Reports how inner's defect arrives. */
function watching(unguarded: boolean, seen: string[]) {
  return layer<string>({ name: "watching", unguarded }, (inner) => ({
    call(request, signal) {
      try {
        return inner.call(request, signal).catch((defect: unknown) => {
          seen.push("rejected");
          throw defect;
        });
      } catch (defect) {
        seen.push("thrown");
        throw defect;
      }
    },
  }));
}

const passing = layer({ name: "passing", unguarded: true }, (inner) => ({
  call: (request, signal) => inner.call(request, signal),
}));

describe("the guard of a call", () => {
  test.each([
    [false, ["rejected"]],
    [true, ["thrown"]],
  ])("a layer with unguarded: %s finds a defect as %s", async (unguarded, expected) => {
    const seen: string[] = [];
    await expect(watching(unguarded, seen)(throwing).call("a")).rejects.toThrow("a defect");
    expect(seen).toEqual(expected);
  });

  test("a layer that is guarded finds a rejection behind a row of layers that are not", async () => {
    const seen: string[] = [];
    const stack = new ServiceBuilder<string>()
      .layer(passing)
      .layer(watching(false, seen))
      .layer(passing)
      .layer(passing)
      .service(throwing);
    await expect(stack.call("a")).rejects.toThrow("a defect");
    expect(seen).toEqual(["rejected"]);
  });

  test("a service made by hand is called as it is", async () => {
    const byHand: Service<string, number> = {
      ready: () => undefined,
      call: async () => right(1),
      describe: () => ({ name: "by hand" }),
    };
    expect(withoutGuard(byHand)).toBe(byHand);
    expect(await passing(byHand).call("a")).toEqual(right(1));
  });

  // Defect: the copy kept the call of the original for unguarded layers.
  test("a copy of a service with another call is called by that", async () => {
    const copy = { ...throwing, call: (_text: string) => Promise.resolve(right(1)) };
    expect(await passing(copy).call("a")).toEqual(right(1));
  });

  test("an async function needs none", () => {
    async function call(_text: string): Promise<Either<never, number>> {
      return right(1);
    }
    expect(service("leaf", call).call).toBe(call);
  });

  test("readiness and description pass through it", () => {
    const turn = Promise.resolve();
    const busy = service("busy", (_text: string) => Promise.resolve(right(1)), { ready: () => turn });
    expect(passing(busy).ready()).toBe(turn);
    expect(passing(passing(busy)).describe()).toEqual({
      name: "passing",
      inner: [{ name: "passing", inner: [{ name: "busy" }] }],
    });
  });
});
