import { authorize, type Denied, type Rule } from "@pagoda/authorize";
import { left, right, service } from "@pagoda/core";
import { mockService } from "@pagoda/core/testing";
import { type HttpRequest, type HttpResponse, httpResponse } from "@pagoda/http";
import { conformance } from "@pagoda/http/testing";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { asked, guard } from "./bench.ts";

const all = (name: string, effect: Rule["effect"]): Rule => ({ name, effect });
const gets = (name: string, effect: Rule["effect"]): Rule => ({ name, effect, to: { methods: ["GET"] } });

describe("authorize", () => {
  conformance(test, () => authorize({ rules: [all("all", "allow")] }), {
    request: () => asked() as HttpRequest & { route: { name: string } },
    response: () => httpResponse(200),
  });
  conformance(test, () => authorize({ rules: [gets("gets", "allow")] }), {
    request: () => asked() as HttpRequest & { route: { name: string } },
    response: () => httpResponse(200),
    refused: () => ({ ...asked(), method: "POST" }) as HttpRequest & { route: { name: string } },
  });

  test("passes the request object on and returns inner's response", async () => {
    const mock = mockService<HttpRequest, HttpResponse>();
    const request = asked();
    const result = authorize({ rules: [{ name: "all", effect: "allow" }] })(mock.service).call(request);
    const call = await mock.next();
    expect(call.request).toBe(request);
    const response = httpResponse(200);
    call.answer(response);
    expect(await result).toMatchObject({ _tag: "Right", right: response });
  });

  test("a denied request does not reach inner, and the fault names the rule", async () => {
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

  test("the fault names the denied client (defect: it did not)", async () => {
    const leaf = service("leaf", async (_: HttpRequest) => right(httpResponse(200)));
    const rules = [{ name: "till", effect: "allow", from: { identities: ["till"] } }] as const;
    const client = { address: "203.0.113.9", identity: "cat" };
    expect(await authorize({ rules })(leaf).call(asked({ client }))).toMatchObject({
      left: { rule: "otherwise", address: "203.0.113.9", identity: "cat" },
    });
    // Without a layer that identifies the client, it is the peer.
    const nobody = authorize({ rules: [{ name: "nobody", effect: "deny" }] })(leaf);
    const { client: _, ...request } = asked();
    expect(await nobody.call(request)).toMatchObject({
      left: { address: "198.51.100.1", identity: "gateway" },
    });
    // The options apply to the fault, too.
    const options = { rules, address: () => "192.0.2.1", identity: () => "dog" };
    expect(await authorize(options)(leaf).call(request)).toMatchObject({
      left: { address: "192.0.2.1", identity: "dog" },
    });
  });

  test("deny takes precedence over allow, in any order", async () => {
    const rules = [gets("allowed", "allow"), all("denied", "deny")];
    expect(await guard(rules)()).toBe("denied");
    expect(await guard(rules.toReversed())()).toBe("denied");
  });

  test("by default, a request that no rule matches is denied if any rule allows, else allowed", async () => {
    expect(await guard([gets("gets", "allow")])({ method: "POST" })).toBe("otherwise");
    expect(await guard([gets("gets", "deny")])({ method: "POST" })).toBe("passed");
    expect(await guard([gets("a", "deny"), gets("b", "allow")])({ method: "POST" })).toBe("otherwise");
  });

  test("otherwise replaces both defaults", async () => {
    const post = { method: "POST" };
    expect(await guard([gets("gets", "allow")], { otherwise: "allow" })(post)).toBe("passed");
    expect(await guard([gets("gets", "deny")], { otherwise: "deny" })(post)).toBe("otherwise");
    expect(await guard([], { otherwise: "deny" })()).toBe("otherwise");
    expect(await guard([], { otherwise: "allow" })()).toBe("passed");
  });

  test("a rule matches if all its fields do, and a list if one entry does", async () => {
    const call = guard([
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

  test("property: decides like evaluating the rules one by one", async () => {
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
        expect(await guard(rules)({ method })).toBe(expected);
      }),
    );
  });

  test("describes its rules and the number of decisions of each", async () => {
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

  test("rejects if identity or address throws", async () => {
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

  test("rejects a request without client if a rule names addresses or identities", async () => {
    const { service } = mockService<HttpRequest, HttpResponse>();
    const { client: _, ...request } = asked();
    for (const [what, from] of [
      ["identities", { identities: ["gateway"] }],
      ["addresses", { addresses: ["198.51.100.1"] }],
    ] as const) {
      const layered = authorize({ rules: [{ name: "a", effect: "deny", from }] })(service);
      await expect(layered.call(request as ReturnType<typeof asked>)).rejects.toThrow(
        `authorize: rules name ${what}, but the request has no client`,
      );
    }
  });

  test("rejects a request without route if a rule names routes", async () => {
    const { service } = mockService<HttpRequest, HttpResponse>();
    const layered = authorize({ rules: [{ name: "cart", effect: "deny", to: { routes: ["cart"] } }] })(
      service,
    );
    await expect(layered.call(asked() as never)).rejects.toThrow("rule cart names routes");
  });
});
