import { describe, expect, test } from "vitest";
import { type AuthzServer, authzServer, fieldOf } from "./authz-server.ts";
import { curled } from "./certified.ts";
import { call, Wire } from "./client.ts";
import { anywhere, configured, Folder, says } from "./configured.ts";
import { origin, refusing } from "./origin.ts";

/** An origin that shows the target, the fields and the body of its requests. */
const showing = () =>
  origin(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    response.end(JSON.stringify({ ...request.headers, target: request.url, body }));
  });

function guarded(site: string, { url }: Pick<AuthzServer, "url">, policy: object = {}): object {
  const extAuthz = { cluster: "authz", protocol: "grpc", ...policy };
  const routes = [{ name: "all", cluster: "origin", policies: { extAuthz } }];
  return {
    listeners: [{ ...anywhere, name: "main", routes }],
    clusters: { origin: { endpoints: [site] }, authz: { endpoints: [url], protocol: "http2" } },
  };
}

const ann = (request: Parameters<typeof fieldOf>[0]) => fieldOf(request, "cookie") === "session=ann";

describe("extAuthz with protocol: grpc", () => {
  test("a gRPC authorization server decides, and changes requests and responses", async () => {
    await using site = await showing();
    await using authz = await authzServer((request) => {
      if (!ann(request))
        return {
          status: { code: 16 },
          httpResponse: {
            case: "deniedResponse",
            value: {
              status: { code: 401 },
              headers: [{ header: { key: "www-authenticate", value: "Cookie" } }],
              body: "who are you?",
            },
          },
        };
      return {
        httpResponse: {
          case: "okResponse",
          value: {
            headers: [{ header: { key: "x-user", value: "ann" }, append: false }],
            headersToRemove: ["cookie"],
            responseHeadersToAdd: [{ header: { key: "x-decided", value: "yes" } }],
            queryParametersToSet: [{ key: "user", value: "ann" }],
            queryParametersToRemove: ["token"],
          },
        },
      };
    });
    using folder = new Folder();
    const policy = { contextExtensions: { route: "shop" }, requestBody: { max: "1KiB" } };
    await using pagoda = await configured(folder, guarded(site.url, authz, policy));

    const options = ["-i", "-H", "Cookie: session=ann", "-H", "X-User: root", "-H", "X_User: root"];
    const shown = await curled(...options, "--data", "hello", `${pagoda.url}/cart?token=s&a=1`);
    expect(shown).toMatch(/\r\nx-decided: yes\r\n/i);
    expect(shown).toContain('"target":"/cart?a=1&user=ann"');
    expect(shown).toContain('"x-user":"ann"');
    expect(shown).toContain('"body":"hello"');
    expect(shown).not.toMatch(/session=ann|root/);
    expect(authz.asked[0]?.attributes).toMatchObject({
      contextExtensions: { route: "shop" },
      source: { address: { address: { value: { address: "127.0.0.1" } } } },
      request: {
        http: { method: "POST", path: "/cart?token=s&a=1", body: "hello", size: 5n, protocol: "HTTP/1.1" },
      },
    });
    expect(authz.asked[0]?.attributes?.request?.http?.id).toMatch(/^[0-9a-f-]{36}$/);

    const refused = await call(pagoda.url);
    expect([refused.status, refused.body]).toEqual([401, "who are you?"]);
    expect(refused.message.headers).toMatchObject({ "www-authenticate": "Cookie" });
    expect(await pagoda.log("GET / 401")).toMatchObject({ fault: { tag: "AuthorizationRefused" } });
    for (const [event, count] of [
      ["allowed", 1],
      ["refused", 1],
      ["unavailable", 0],
    ] as const)
      expect(await pagoda.metric("stack_events_total", { layer: "ext-authz", event })).toBe(count);
    for (const [result, count] of [
      ["allowed", 1],
      ["refused", 1],
      ["unavailable", 0],
    ] as const) {
      const labels = { layer: "ext-authz", result, listener: "main", route: "all" };
      expect(await pagoda.metric("stack_duration_seconds_count", labels)).toBe(count);
    }
  });

  test("without an answer requests are refused, or pass if it fails open", async () => {
    await using site = await showing();
    const servers = ["error", "hang", "nonsense"] as const;
    await using erring = await authzServer(() => "error");
    await using hanging = await authzServer(() => "hang");
    await using raving = await authzServer(() => "nonsense");
    const urls = { error: erring.url, hang: hanging.url, nonsense: raving.url, refusing };
    using folder = new Folder();
    const names = [...servers, "refusing"] as const;
    const routes = names.flatMap((cluster) =>
      [false, true].map((failOpen) => ({
        name: `${cluster}-${failOpen}`,
        match: { path: `/${cluster}/${failOpen}` },
        cluster: "origin",
        policies: {
          extAuthz: { cluster, protocol: "grpc", copyHeaders: ["x-user"], timeout: "300ms", failOpen },
        },
      })),
    );
    const clusters = names.map((name) => [name, { endpoints: [urls[name]], protocol: "http2" }] as const);
    await using pagoda = await configured(folder, {
      listeners: [{ ...anywhere, routes }],
      clusters: { origin: { endpoints: [site.url] }, ...Object.fromEntries(clusters) },
    });
    for (const name of names) {
      const refused = await call(`${pagoda.url}/${name}/false`);
      expect([name, refused.status]).toEqual([name, 503]);
      const passed = await call(`${pagoda.url}/${name}/true`, { headers: { "x-user": "root" } });
      expect([name, passed.status]).toEqual([name, 200]);
      expect(passed.body).not.toContain("root");
    }
  });

  test("a listener decides about the path that is sent", async () => {
    await using site = await showing();
    await using authz = await authzServer(({ attributes }) => ({
      status: { code: attributes?.request?.http?.path.startsWith("/public/") ? 0 : 7 },
    }));
    using folder = new Folder();
    const policies = { extAuthz: { cluster: "authz", protocol: "grpc" } };
    await using pagoda = await configured(folder, {
      listeners: [
        {
          ...anywhere,
          policies,
          routes: [
            { name: "site", cluster: "origin", match: { path: { prefix: "/public" } } },
            { ...says("secret", "admin"), match: { path: "/admin" } },
          ],
        },
      ],
      clusters: {
        origin: { endpoints: [site.url] },
        authz: { endpoints: [authz.url], protocol: "http2" },
      },
    });
    const targets = ["/public/../admin", "/public/%2e%2e/admin", "/public/./a%7eb%2Fc?x=/../y", "/public/.."];
    const answers: string[] = [];
    for (const target of targets) {
      using wire = new Wire(pagoda.url);
      wire.send(`GET ${target} HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n`);
      await wire.closed;
      answers.push(wire.text);
    }
    expect(answers.map((text) => text.slice(9, 12))).toEqual(["403", "403", "200", "403"]);
    const paths = authz.asked.map(({ attributes }) => attributes?.request?.http?.path);
    expect(paths).toEqual(["/admin", "/admin", "/public/a%7eb%2Fc?x=/../y", "/"]);
    expect(answers[2]).toContain('"target":"/public/a%7eb%2Fc?x=/../y"');
  });
});
