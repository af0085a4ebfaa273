import { fileURLToPath } from "node:url";
import { isLeft, right, service } from "@pagoda/core";
import { httpRequest, httpResponse } from "@pagoda/http";
import { conformance } from "@pagoda/http/testing";
import { describe, expect, test } from "vitest";
import { requireTenant } from "../../examples/policies/tenant.ts";
import { call } from "../e2e/client.ts";
import { configured, Folder, through } from "../e2e/configured.ts";
import { named } from "../e2e/origin.ts";

const example = fileURLToPath(new URL("../../examples/policies/tenant.ts", import.meta.url));

const request = (headers = {}) => httpRequest("http://shop.example/", { headers });

describe("requireTenant", () => {
  conformance(test, () => requireTenant("x-tenant"), {
    request: () => request({ "x-tenant": "acme" }),
  });

  test("lets pass what names its tenant, and refuses the rest", async () => {
    let refused = 0;
    const inner = service("inner", async () => right(httpResponse(200)));
    const stack = requireTenant("x-tenant", { refused: () => refused++ })(inner);
    expect(isLeft(await stack.call(request({ "x-tenant": "acme" })))).toBe(false);
    expect(await stack.call(request())).toMatchObject({
      left: { _tag: "TenantMissing", header: "x-tenant" },
    });
    expect(refused).toBe(1);
  });
});

test("the proxy applies the example on a listener", async () => {
  await using shop = await named("shop");
  using folder = new Folder();
  const policies = { tenant: { header: "x-tenant" } };
  const config = { plugins: [example], ...through({ endpoints: [shop.url] }, { policies }) };
  await using pagoda = await configured(folder, config);
  expect((await call(pagoda.url, { headers: { "x-tenant": "acme" } })).body).toBe("shop");
  const { status, body } = await call(pagoda.url);
  expect([status, body]).toEqual([400, expect.stringContaining("400 the header x-tenant is required")]);
  expect(await pagoda.metric("stack_events_total", { layer: "tenant", event: "refused" })).toBe(1);
  const kept = await pagoda.admin("/requests?reason=refused");
  expect(JSON.parse(kept.text)).toMatchObject([
    {
      fault: { tag: "TenantMissing" },
      trail: [{ text: "tenant of listener main: refused: no header x-tenant" }],
    },
  ]);
});
