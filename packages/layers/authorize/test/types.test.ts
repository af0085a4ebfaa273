import { authorize, type Denied, type OnRoute, type Rule, type To } from "@pagoda/authorize";
import {
  type ErrorOf,
  type Fault,
  type Layer,
  mapRequest,
  right,
  service,
  ServiceBuilder,
} from "@pagoda/core";
import {
  type FromClient,
  type HttpRequest,
  type HttpResponse,
  httpResponse,
  type WithClaims,
} from "@pagoda/http";
import { describe, expectTypeOf, test } from "vitest";

interface Down extends Fault<"Down"> {}

const http = new ServiceBuilder<HttpRequest>();
const identify = mapRequest((request: HttpRequest) => ({ ...request, client: { address: "192.0.2.1" } }));
const route = mapRequest((request: HttpRequest) => ({ ...request, route: { name: "cart", cluster: "a" } }));
const leaf = service<HttpRequest, HttpResponse, Down>("leaf", async () => right(httpResponse(200)));

describe("types of authorize", () => {
  test("requires an HTTP request and raises Denied", () => {
    const layer = authorize({ rules: [{ name: "a", effect: "deny", to: { paths: ["/a"] } }] });
    expectTypeOf(layer).toEqualTypeOf<Layer<HttpRequest, unknown, Denied>>();
    const stack = http.layer(layer).service(leaf);
    expectTypeOf<ErrorOf<typeof stack>>().toEqualTypeOf<Denied | Down>();
    const inline = http
      .adapt(identify)
      .layer(
        authorize({
          rules: [
            { name: "a", effect: "deny", from: { addresses: ["::1"] } },
            { name: "b", effect: "allow" },
          ],
        }),
      )
      .service(leaf);
    expectTypeOf<ErrorOf<typeof inline>>().toEqualTypeOf<Denied | Down>();
  });

  test("a rule that names routes requires an outer router", () => {
    const layer = authorize({
      rules: [
        { name: "a", effect: "deny", to: { paths: ["/a"] } },
        { name: "b", effect: "allow", to: { routes: ["cart"] } },
      ],
    });
    expectTypeOf(layer).toEqualTypeOf<Layer<HttpRequest & OnRoute, unknown, Denied>>();
    // @ts-expect-error: Property 'route' is missing in type 'HttpRequest' but required in type 'OnRoute'.
    http.layer(layer);
    // @ts-expect-error: the same, inline.
    http.layer(authorize({ rules: [{ name: "b", effect: "allow", to: { routes: ["cart"] } }] }));
    const stack = http.adapt(route).layer(layer).service(leaf);
    expectTypeOf<ErrorOf<typeof stack>>().toEqualTypeOf<Denied | Down>();
    const inline = http
      .adapt(route)
      .layer(authorize({ rules: [{ name: "b", effect: "allow", to: { routes: ["cart"] } }] }))
      .service(leaf);
    expectTypeOf<ErrorOf<typeof inline>>().toEqualTypeOf<Denied | Down>();
  });

  test("so do rules that may name routes, such as those from a file, unless their type excludes it", () => {
    const some: readonly Rule[] = [{ name: "a", effect: "deny" }];
    expectTypeOf(authorize({ rules: some })).toEqualTypeOf<
      Layer<HttpRequest & OnRoute & FromClient & WithClaims, unknown, Denied>
    >();
    const none: readonly Rule<To>[] = [{ name: "a", effect: "deny" }];
    expectTypeOf(authorize({ rules: none })).toEqualTypeOf<
      Layer<HttpRequest & FromClient & WithClaims, unknown, Denied>
    >();
    // @ts-expect-error: rules of type `To` cannot name routes.
    const wrong: Rule<To> = { name: "a", effect: "deny", to: { routes: ["cart"] } };
    void wrong;
  });

  test("a rule that names addresses or identities requires a client, or the option that replaces it", () => {
    const rules = [{ name: "a", effect: "deny", from: { addresses: ["::1"] } }] as const;
    expectTypeOf(authorize({ rules })).toEqualTypeOf<Layer<HttpRequest & FromClient, unknown, Denied>>();
    // @ts-expect-error: Property 'client' is missing in type 'HttpRequest' but required in type 'FromClient'.
    http.layer(authorize({ rules }));
    // @ts-expect-error: the rule names addresses, not identities.
    http.layer(authorize({ rules, identity: () => "a" }));
    const peer = ({ peer }: HttpRequest): string | undefined => peer?.address;
    const stack = http.layer(authorize({ rules, address: peer })).service(leaf);
    expectTypeOf<ErrorOf<typeof stack>>().toEqualTypeOf<Denied | Down>();

    // @ts-expect-error: an option that may be absent does not count.
    http.layer(authorize({ rules, address: undefined as typeof peer | undefined }));

    const both = [{ name: "a", effect: "deny", from: { identities: ["a"], addresses: ["::1"] } }] as const;
    // @ts-expect-error: the rule names identities, too.
    http.layer(authorize({ rules: both, address: peer }));
    http.layer(authorize({ rules: both, address: peer, identity: () => "a" }));
    http.adapt(identify).layer(authorize({ rules: both }));
  });

  test("a rule that names claims requires them, or the option that replaces them", () => {
    const claims = [{ claim: "sub", equals: ["ann"] }];
    const rules = [{ name: "a", effect: "allow", from: { claims } }] as const;
    expectTypeOf(authorize({ rules })).toEqualTypeOf<Layer<HttpRequest & WithClaims, unknown, Denied>>();
    // @ts-expect-error: Property 'claims' is missing in type 'HttpRequest' but required in type 'WithClaims'.
    http.layer(authorize({ rules }));
    // @ts-expect-error: the rule names claims, not identities.
    http.layer(authorize({ rules, identity: () => "a" }));
    http.layer(authorize({ rules, claims: () => undefined }));
    const verify = mapRequest((request: HttpRequest) => ({ ...request, claims: { sub: "ann" } }));
    const stack = http.adapt(verify).layer(authorize({ rules })).service(leaf);
    expectTypeOf<ErrorOf<typeof stack>>().toEqualTypeOf<Denied | Down>();
  });

  test("infers the request of address and identity", () => {
    const rules = [{ name: "a", effect: "deny", from: { addresses: ["10.0.0.0/8"] } }] as const;
    const stack = http
      .adapt(identify)
      .layer(authorize({ rules, address: (request) => request.client.address, identity: () => "a" }))
      .service(leaf);
    expectTypeOf<ErrorOf<typeof stack>>().toEqualTypeOf<Denied | Down>();
    // @ts-expect-error: Property 'client' does not exist on type 'HttpRequest'.
    http.layer(authorize({ rules, address: (request) => request.client.address }));
  });

  test("requires what address and identity read", () => {
    const rules = [{ name: "a", effect: "deny", from: { addresses: ["10.0.0.0/8"] } }] as const;
    const layer = authorize({ rules, address: ({ client }: HttpRequest & FromClient) => client.address });
    // @ts-expect-error: Property 'client' is missing in type 'HttpRequest' but required in type 'FromClient'.
    http.layer(layer);
    const stack = http.adapt(identify).layer(layer).service(leaf);
    expectTypeOf<ErrorOf<typeof stack>>().toEqualTypeOf<Denied | Down>();
  });

  test("does not compile around a service that is not HTTP, or with an unknown effect", () => {
    // @ts-expect-error: a string is not an HttpRequest.
    new ServiceBuilder<string>().layer(authorize({ rules: [], otherwise: "deny" }));
    // @ts-expect-error: an effect is "allow" or "deny".
    expectTypeOf(() => authorize({ rules: [{ name: "a", effect: "refuse" }] })).toBeFunction();
  });
});
