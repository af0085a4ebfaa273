import { authorize, type Denied, type Rule } from "@pagoda/authorize";
import { service } from "@pagoda/core";
import { mockService } from "@pagoda/core/testing";
import { type HttpRequest, type HttpResponse, httpResponse } from "@pagoda/http";
import { conformance } from "@pagoda/http/testing";
import * as fc from "fast-check";
import { left, right } from "fp-ts/lib/Either.js";
import { describe, expect, test } from "vitest";
import { asked, door } from "./bench.ts";

const all = (name: string, effect: Rule["effect"]): Rule => ({ name, effect });
const gets = (name: string, effect: Rule["effect"]): Rule => ({ name, effect, to: { methods: ["GET"] } });

describe("authorize", () => {
  conformance(test, () => authorize({ rules: [all("all", "allow")] }), {
    request: () => asked() as HttpRequest & { route: { name: string } },
    response: () => httpResponse(200),
  });

  test("passes the very request on, and gives inner's answer", async () => {
    const mock = mockService<HttpRequest, HttpResponse>();
    const request = asked();
    const result = authorize({ rules: [{ name: "all", effect: "allow" }] })(mock.service).call(request);
    const call = await mock.next();
    expect(call.request).toBe(request);
    const response = httpResponse(200);
    call.answer(response);
    expect(await result).toMatchObject({ _tag: "Right", right: response });
  });

  test("what is denied does not reach inner, and says which rule it was", async () => {
    const mock = mockService<HttpRequest, HttpResponse>();
    const denied: [Denied, HttpRequest][] = [];
    const observer = { denied: (fault: Denied, request: HttpRequest) => void denied.push([fault, request]) };
    const layered = authorize({ rules: [{ name: "nobody", effect: "deny" }], observer })(mock.service);
    const request = asked();
    const who = { address: "203.0.113.7", identity: undefined };
    const fault = { _tag: "Denied", origin: "local", retryable: false, rule: "nobody", ...who } as const;
    expect(await layered.call(request)).toEqual(left(fault));
    await mock.expectNoCall();
    expect(denied).toEqual([[fault, request]]);
  });

  test("defect: a denial did not say who was denied", async () => {
    const leaf = service("leaf", async (_: HttpRequest) => right(httpResponse(200)));
    const rules = [{ name: "till", effect: "allow", from: { identities: ["till"] } }] as const;
    const client = { address: "203.0.113.9", identity: "cat" };
    expect(await authorize({ rules })(leaf).call(asked({ client }))).toMatchObject({
      left: { rule: "otherwise", address: "203.0.113.9", identity: "cat" },
    });
    // Without a layer that says who asks it is the peer.
    const nobody = authorize({ rules: [{ name: "nobody", effect: "deny" }] })(leaf);
    const { client: _, ...request } = asked();
    expect(await nobody.call(request)).toMatchObject({
      left: { address: "198.51.100.1", identity: "gateway" },
    });
    // What the options say counts there, too.
    const options = { rules, address: () => "192.0.2.1", identity: () => "dog" };
    expect(await authorize(options)(leaf).call(request)).toMatchObject({
      left: { address: "192.0.2.1", identity: "dog" },
    });
  });

  test("a rule that denies wins over one that allows, in whatever order", async () => {
    const rules = [gets("allowed", "allow"), all("denied", "deny")];
    expect(await door(rules)()).toBe("denied");
    expect(await door(rules.toReversed())()).toBe("denied");
  });

  test("where no rule matches, it denies if a rule allows something, and allows if none does", async () => {
    expect(await door([gets("gets", "allow")])({ method: "POST" })).toBe("otherwise");
    expect(await door([gets("gets", "deny")])({ method: "POST" })).toBe("passed");
    expect(await door([gets("a", "deny"), gets("b", "allow")])({ method: "POST" })).toBe("otherwise");
  });

  test("otherwise says it for both", async () => {
    const post = { method: "POST" };
    expect(await door([gets("gets", "allow")], { otherwise: "allow" })(post)).toBe("passed");
    expect(await door([gets("gets", "deny")], { otherwise: "deny" })(post)).toBe("otherwise");
    expect(await door([], { otherwise: "deny" })()).toBe("otherwise");
    expect(await door([], { otherwise: "allow" })()).toBe("passed");
  });

  test("all that a rule names must be true, of each list one entry", async () => {
    const call = door([
      {
        name: "shop",
        effect: "allow",
        from: { identities: ["cart", "till"], addresses: ["10.0.0.0/8", "192.0.2.1"] },
        to: {
          methods: ["GET", "HEAD"],
          paths: ["/a", "/b/*"],
          hosts: ["x.example", "y.example"],
          routes: ["r"],
        },
      },
    ]);
    const right = {
      client: { address: "192.0.2.1", identity: "till" },
      method: "HEAD",
      path: "/b/c",
      authority: "y.example",
      route: { name: "r" },
    };
    expect(await call(right)).toBe("passed");
    const wrong = {
      method: "PUT",
      path: "/c",
      authority: "z.example",
      route: { name: "s" },
    };
    for (const [field, value] of Object.entries(wrong)) {
      expect([field, await call({ ...right, [field]: value })]).toEqual([field, "otherwise"]);
    }
    for (const [field, value] of Object.entries({ identity: "cat", address: "192.0.2.2" })) {
      const client = { ...right.client, [field]: value };
      expect([field, await call({ ...right, client })]).toEqual([field, "otherwise"]);
    }
  });

  test("property: it decides as the rules, asked one after the other, say", async () => {
    const methods = fc.subarray(["GET", "PUT", "POST"], { minLength: 1 });
    const someRules = fc.array(
      fc.record({ effect: fc.constantFrom("allow" as const, "deny" as const), to: fc.record({ methods }) }),
      { minLength: 1, maxLength: 6 },
    );
    await fc.assert(
      fc.asyncProperty(someRules, fc.constantFrom("GET", "PUT", "POST"), async (given, method) => {
        const rules = given.map((rule, n) => ({ ...rule, name: `${n}` }));
        const matching = rules.filter(({ to }) => to.methods.includes(method));
        const denying = matching.find(({ effect }) => effect === "deny");
        const isAllowed = matching.length > 0 || !rules.some(({ effect }) => effect === "allow");
        const expected = denying?.name ?? (isAllowed ? "passed" : "otherwise");
        expect(await door(rules)({ method })).toBe(expected);
      }),
    );
  });

  test("describes its rules, and counts what each has decided", async () => {
    const { service } = mockService<HttpRequest, HttpResponse>();
    const rules = [
      { name: "reads", effect: "allow", to: { methods: ["GET"] } },
      { name: "no-cart", effect: "deny", to: { paths: ["/cart/*"] } },
    ] as const;
    const layer = authorize({ rules });
    const layered = layer(service);
    void layered.call(asked({ path: "/" }));
    void layered.call(asked({ path: "/cart" }));
    void layered.call(asked({ path: "/cart/x" }));
    void layered.call(asked({ path: "/", method: "PUT" }));
    void layered.call(asked({ path: "/\\" }));
    expect(layered.describe()).toMatchObject({
      name: "authorize",
      options: { rules, otherwise: "deny" },
      state: { allowed: { reads: 1 }, denied: { "no-cart": 2, otherwise: 1, unreadable: 1 } },
    });
    const other = { allowed: { reads: 0 }, denied: { "no-cart": 0, otherwise: 0, unreadable: 0 } };
    expect(layer(service).describe().state).toEqual(other);
  });

  test("what identity and address throw makes the call reject", async () => {
    const { service } = mockService<HttpRequest, HttpResponse>();
    const broken = (): never => {
      throw new Error("a mistake");
    };
    const from = { identities: ["a"], addresses: ["10.0.0.1"] };
    const rules = [{ name: "a", effect: "deny", from }] as const;
    await expect(authorize({ rules, identity: broken })(service).call(asked())).rejects.toThrow("a mistake");
    await expect(
      authorize({ rules, identity: () => "a", address: broken })(service).call(asked()),
    ).rejects.toThrow("a mistake");
  });

  test("a rule that names addresses or identities is a defect where nobody has said who asks", async () => {
    const { service } = mockService<HttpRequest, HttpResponse>();
    const { client: _, ...request } = asked();
    for (const [what, from] of [
      ["identities", { identities: ["gateway"] }],
      ["addresses", { addresses: ["198.51.100.1"] }],
    ] as const) {
      const layered = authorize({ rules: [{ name: "a", effect: "deny", from }] })(service);
      await expect(layered.call(request as ReturnType<typeof asked>)).rejects.toThrow(
        `authorize: rules name ${what}, but no layer has said who the client is`,
      );
    }
  });

  test("a rule that names routes is a defect where no router has given one", async () => {
    const { service } = mockService<HttpRequest, HttpResponse>();
    const layered = authorize({ rules: [{ name: "cart", effect: "deny", to: { routes: ["cart"] } }] })(
      service,
    );
    await expect(layered.call(asked() as never)).rejects.toThrow("rule cart names routes");
  });
});
