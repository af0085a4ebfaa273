import { fileURLToPath } from "node:url";
import { isLeft } from "@pagoda/core";
import { pino } from "pino";
import { describe, expect, onTestFinished, test } from "vitest";
import tenant from "../../examples/policies/tenant.ts";
import { type Proxy, type ProxyOptions, startProxy } from "../../src/index.ts";
import { call } from "./client.ts";
import { through } from "./configured.ts";
import { named } from "./origin.ts";

const code = { args: [fileURLToPath(new URL("own-worker.ts", import.meta.url))] };
const log = (): ReturnType<ProxyOptions["log"]> => pino({ level: "silent" });

function config(url: string, policies: object = { tenant: { header: "x-tenant" } }): object {
  const admin = { address: "127.0.0.1:0" };
  return { workers: 2, admin, ...through({ endpoints: [url] }, { policies }) };
}

async function started(options: Omit<ProxyOptions, "log">): Promise<Proxy> {
  const result = await startProxy({ log, ...options });
  if (isLeft(result)) throw new Error(JSON.stringify(result.left));
  onTestFinished(async () => void (await result.right.drain()));
  return result.right;
}

describe("a program with a policy of its own", () => {
  test("passes it to the proxy, and to the workers by their own module", async () => {
    await using shop = await named("shop");
    const proxy = await started({ config: config(shop.url), policies: [tenant], code });
    const url = proxy.listening[0]?.url as string;
    expect((await call(url, { headers: { "x-tenant": "acme" } })).body).toBe("shop");
    expect((await call(url)).body).toContain("400 the header x-tenant is required");
    const stack = await (await fetch(`${proxy.adminUrl}/stack`)).text();
    expect(stack.match(/"name":"tenant"/g)).toHaveLength(2);
    expect(await proxy.reload("test")).toMatchObject({ _tag: "Right" });
    expect((await call(url)).status).toBe(400);
  });

  test("gets every problem of its configuration", async () => {
    const invalid = config("http://127.0.0.1:9", { tenant: { header: 5 } });
    const result = await startProxy({ config: invalid, policies: [tenant], code, log });
    expect(isLeft(result) && result.left).toMatchObject({
      _tag: "ConfigInvalid",
      problems: [expect.stringContaining("listeners[0].policies.tenant.header: must be a string (got 5)")],
    });
  });

  test("does not start with workers that lack it", async () => {
    const policies = [{ ...tenant, name: "other" }];
    const result = await startProxy({ config: config("http://127.0.0.1:9", {}), policies, code, log });
    expect(isLeft(result) && result.left).toMatchObject({
      _tag: "CannotServe",
      reason: expect.stringMatching(/^the policies of a worker must be .*other.* \(got .*tenant/),
    });
  });

  test.each([
    [{ policies: [tenant] }, "code must start workers with the same policies (got none): see runWorker"],
    [
      { policies: [{ ...tenant, after: "authorise" }], code },
      'policies[0]: after must be the name of a policy in the place listener (got "authorise"); did you mean authorize?',
    ],
    [
      { policies: [tenant, { ...tenant }], code },
      'policies[1]: name "tenant" is already the name of another policy',
    ],
  ])("is told what is wrong with it: %#", async (options, message) => {
    await expect(startProxy({ log, ...options })).rejects.toThrow(new RangeError(message));
  });
});
