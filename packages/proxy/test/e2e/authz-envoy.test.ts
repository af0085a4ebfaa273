import { seededRandom } from "@pagoda/core/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type AuthzServer, authzServer, type CheckAnswer, type Failure, fieldOf } from "./authz-server.ts";
import { call, type Answer } from "./client.ts";
import { anywhere, configured, Folder } from "./configured.ts";
import { authzBootstrap, type EnvoyAuthz } from "./envoy-authz.ts";
import { Envoy, installsEnvoy, skipWithoutEnvoy } from "./envoy.ts";
import { type Origin, origin } from "./origin.ts";
import type { Pagoda } from "./program.ts";

installsEnvoy();

const seeds = [1, 2, 3, 4, 5];
const names = ["x-a", "x-b", "x-c", "x-d"] as const;

/** What an authorization server says, by the case that a request names. */
const answers = new Map<string, CheckAnswer | Failure>();

let site: Origin;
let authz: AuthzServer;
let http: Origin;

beforeAll(async () => {
  site = await origin(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    response.setHeader("x-a", "origin").setHeader("x-b", "origin");
    response.end(JSON.stringify({ seen: fieldsOf(request.rawHeaders), target: request.url, body }));
  });
  authz = await authzServer((request) => answers.get(fieldOf(request, "x-case") ?? "") ?? {});
  http = await origin((request, response) => {
    const status = Number(/\d{3}/.exec(request.url ?? "")?.[0] ?? 200);
    const fields = { "x-user": "ann", "x-other": "1", location: "/login", "set-cookie": ["a=1", "b=2"] };
    response.writeHead(status, fields).end(status === 204 ? undefined : "decided");
  });
});

afterAll(async () => {
  for (const each of [site, authz, http]) await each[Symbol.asyncDispose]();
});

/** Those that the test is about, with the values of repeated ones joined. */
function fieldsOf(raw: readonly string[]): Readonly<Record<string, string>> {
  const fields: Record<string, string> = {};
  for (let i = 0; i < raw.length; i += 2) {
    const name = (raw[i] as string).toLowerCase();
    if (!/^(?:x-[a-d]|x-user|x-groups|x-other|x-new|location|set-cookie)$/.test(name)) continue;
    const value = (raw[i + 1] as string).replaceAll(", ", ",");
    fields[name] = fields[name] === undefined ? value : `${fields[name]},${value}`;
  }
  return Object.fromEntries(Object.entries(fields).toSorted());
}

interface Pair extends AsyncDisposable {
  readonly envoy: Envoy;
  readonly pagoda: Pagoda;
}

type Setting = Pick<EnvoyAuthz, "protocol" | "failOpen" | "body" | "timeout">;

/** Both with the same authorization server and origin. */
async function both({ protocol, failOpen, body, timeout = "2s" }: Setting): Promise<Pair> {
  const folder = new Folder();
  const ports = { origin: site.port, grpc: authz.port, http: http.port };
  const envoy = await Envoy.run(
    folder,
    authzBootstrap({ ...ports, protocol, failOpen, timeout, ...(body && { body }) }),
  );
  const extAuthz = {
    cluster: protocol,
    protocol,
    failOpen,
    timeout,
    ...(protocol === "http" && { copyHeaders: ["x-user", "x-groups"] }),
    ...(body && { requestBody: { max: `${body.maxBytes}B`, allowPartial: body.allowPartial } }),
  };
  const pagoda = await configured(folder, {
    listeners: [{ ...anywhere, routes: [{ name: "all", cluster: "origin", policies: { extAuthz } }] }],
    clusters: {
      origin: { endpoints: [site.url] },
      grpc: { endpoints: [authz.url], protocol: "http2" },
      http: { endpoints: [http.url] },
    },
  });
  return {
    envoy,
    pagoda,
    async [Symbol.asyncDispose]() {
      await envoy[Symbol.asyncDispose]();
      await pagoda[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

/** What a client gets, with what the origin has seen if it answered. */
function summary({ status, message, body }: Answer): object {
  const fields = fieldsOf(message.rawHeaders);
  return { status, fields, body: body.startsWith("{") ? (JSON.parse(body) as object) : body };
}

interface Asked {
  readonly method?: string;
  readonly target?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

async function asks(url: string, { method = "GET", target = "/", headers, body }: Asked): Promise<object> {
  const length = body === undefined ? {} : { "content-length": String(body.length) };
  return summary(await call(`${url}${target}`, { method, headers: { ...headers, ...length } }, body));
}

/** The answers of Envoy and of Pagoda. */
async function compared({ envoy, pagoda }: Pair, asked: Asked): Promise<readonly [object, object]> {
  return [await asks(envoy.url, asked), await asks(pagoda.url, asked)];
}

/** Texts of errors are the proxies' own. */
function withoutText(result: object): object {
  return { ...result, body: "" };
}

type Random = () => number;

function oneOf<T>(random: Random, list: readonly T[]): T {
  return list[Math.floor(random() * list.length)] as T;
}

const appends = [undefined, false, true] as const;

/** At most one change for each name: Envoy groups them by kind, and their order is lost. */
function changes(
  random: Random,
  isResponse: boolean,
  among: typeof appends | readonly [undefined, false],
): object[] {
  return names.flatMap((key) => {
    if (random() < 0.5) return [];
    const append = oneOf<boolean | undefined>(random, among);
    const appendAction = isResponse ? Math.floor(random() * 4) : 0;
    const header = { key, value: `${key}-${Math.floor(random() * 10)}` };
    return [{ header, appendAction, ...(append !== undefined && { append }) }];
  });
}

function generated(random: Random): CheckAnswer {
  if (random() < 0.6)
    return {
      httpResponse: {
        case: "okResponse",
        value: {
          headers: changes(random, false, appends),
          responseHeadersToAdd: changes(random, true, appends),
          headersToRemove: names.filter(() => random() < 0.2),
          queryParametersToSet: random() < 0.3 ? [{ key: "q", value: String(random()) }] : [],
          queryParametersToRemove: random() < 0.3 ? ["p"] : [],
        },
      },
    };
  if (random() < 0.2) return { status: { code: 7 } };
  const headers = [
    // Envoy drops those to append.
    ...changes(random, false, [undefined, false]),
    ...(random() < 0.5 ? [{ header: { key: "location", value: "/login" } }] : []),
    ...["a=1", "b=2"].filter(() => random() < 0.5).map((value) => ({ header: { key: "set-cookie", value } })),
  ];
  const code = oneOf(random, [0, 200, 302, 401, 403, 404, 429, 500, 503]);
  return {
    status: { code: oneOf(random, [1, 7, 16]) },
    httpResponse: {
      case: "deniedResponse",
      value: { status: { code }, headers, body: oneOf(random, ["", "denied"]) },
    },
  };
}

function asked(random: Random, name: string): Asked {
  const own = names.filter(() => random() < 0.5).map((each) => [each, `client-${each}`] as const);
  return {
    method: oneOf(random, ["GET", "POST", "DELETE"]),
    target: oneOf(random, ["/", "/a?p=1", "/a?p=1&q=2", "/b/c?q=%20&p="]),
    headers: { "x-case": name, ...Object.fromEntries(own) },
  };
}

describe("beside Envoy's ext_authz", () => {
  test.for(seeds)(
    "gRPC: the same requests reach the origin, and the same refusals the client, seed %d",
    async (seed, { skip }) => {
      skipWithoutEnvoy(skip);
      await using pair = await both({ protocol: "grpc", failOpen: false });
      const random = seededRandom(seed);
      for (let n = 0; n < 60; n++) {
        const name = `${seed}-${n}`;
        const answer = generated(random);
        answers.set(name, answer);
        const request = asked(random, name);
        const [envoy, pagoda] = await compared(pair, request);
        expect({ request, answer, result: pagoda }).toEqual({ request, answer, result: envoy });
      }
    },
  );

  test("gRPC: the server is asked the same", async ({ skip }) => {
    skipWithoutEnvoy(skip);
    await using pair = await both({ protocol: "grpc", failOpen: false });
    authz.asked.length = 0;
    await compared(pair, {
      method: "PUT",
      target: "/a/./%2e/c/../d%2Fe?x=1",
      headers: { accept: "x", "x-a": "1" },
    });
    const [envoy, pagoda] = authz.asked.map(({ attributes }) => {
      const { method, scheme, path, protocol, headers = {} } = attributes?.request?.http ?? {};
      return {
        method,
        scheme,
        path,
        protocol,
        fields: fieldsOf(Object.entries(headers).flat()),
        names: Object.keys(headers)
          .filter((name) => /^:|^accept$/.test(name))
          .toSorted(),
      };
    });
    expect(pagoda).toEqual(envoy);
    expect(pagoda?.path).toBe("/a/d%2Fe?x=1");
  });

  test.for([false, true])(
    "gRPC: failures have the same effect, failing open: %s",
    async (failOpen, { skip }) => {
      skipWithoutEnvoy(skip);
      await using pair = await both({ protocol: "grpc", failOpen, timeout: "0.5s" });
      for (const failure of ["error", "nonsense", "hang"] as const) {
        answers.set(failure, failure);
        const request = { headers: { "x-case": failure, "x-a": "1" } };
        const results = await compared(pair, request);
        const [envoy, pagoda] = failOpen ? results : results.map(withoutText);
        expect({ failure, result: pagoda }).toEqual({ failure, result: envoy });
        expect(pagoda).toMatchObject({ status: failOpen ? 200 : 503 });
      }
    },
  );

  test.for([false, true])(
    "gRPC: the same of bodies is sent, partial ones allowed: %s",
    async (allowPartial, { skip }) => {
      skipWithoutEnvoy(skip);
      await using pair = await both({
        protocol: "grpc",
        failOpen: false,
        body: { maxBytes: 16, allowPartial },
      });
      for (const size of [0, 1, 15, 17, 1_000, 100_000]) {
        authz.asked.length = 0;
        const request = { method: "POST", headers: { "content-type": "text/plain" }, body: "b".repeat(size) };
        const results = await compared(pair, request);
        const seen = authz.asked.map(({ attributes }) => attributes?.request?.http);
        const [envoy, pagoda] = results.map((result, n) => ({
          ...("seen" in result ? result : { status: (result as Answer).status }),
          result: size > 16 && !allowPartial ? "too large" : result,
          sent: seen[n]?.body,
          partial: seen[n]?.headers["x-envoy-auth-partial-body"] ?? "false",
        }));
        expect({ size, ...pagoda }).toEqual({ size, ...envoy });
        expect(results.map((each) => (each as Answer).status)).toEqual(
          size > 16 && !allowPartial ? [413, 413] : [200, 200],
        );
      }
    },
  );

  test("HTTP: the same decisions, fields and refusals", async ({ skip }) => {
    skipWithoutEnvoy(skip);
    for (const failOpen of [false, true]) {
      await using pair = await both({ protocol: "http", failOpen });
      for (const status of [200, 301, 302, 401, 403, 404, 429, 500, 503]) {
        const headers = { "x-a": "1", ...(failOpen ? {} : { "x-user": "root" }) };
        const results = await compared(pair, { target: `/${status}`, headers });
        const isOwn = status >= 500 && !failOpen;
        const [envoy, pagoda] = isOwn ? results.map(withoutText) : results;
        expect({ status, failOpen, result: pagoda }).toEqual({ status, failOpen, result: envoy });
      }
    }
  });

  describe("differs on purpose", () => {
    const field = (key: string, value: string, append?: boolean) => ({
      header: { key, value },
      ...(append !== undefined && { append }),
    });
    const ok = (value: object): CheckAnswer => ({ httpResponse: { case: "okResponse", value } });
    const denied = (value: object): CheckAnswer => ({
      status: { code: 7 },
      httpResponse: { case: "deniedResponse", value },
    });
    const seen = { status: 200, fields: { "x-a": "origin", "x-b": "origin" } };

    test.for<[string, CheckAnswer, envoy: object, pagoda: object]>([
      [
        "a line feed in a field of the response splits nothing",
        ok({ responseHeadersToAdd: [field("x-c", "1\r\nx-d: 2")] }),
        { status: 200, fields: { "x-c": "1", "x-d": "2" } },
        { status: 503, fields: {} },
      ],
      [
        "nor in one of a refusal, which stays one",
        denied({ headers: [field("x-c", "1\r\nx-d: 2")] }),
        { status: 403, fields: { "x-c": "1", "x-d": "2" } },
        { status: 403, fields: {} },
      ],
      [
        "the target is what was authorized",
        ok({ headers: [field(":path", "/admin")] }),
        { ...seen, body: { target: "/admin" } },
        { status: 503 },
      ],
      [
        "a status of a response is not a field of it",
        ok({ responseHeadersToAdd: [field(":status", "404", false)] }),
        { status: 404 },
        { status: 503 },
      ],
      [
        "fields of refusals are sent whether to be appended or not",
        denied({ headers: [field("set-cookie", "a=1", true)] }),
        { status: 403, fields: {} },
        { status: 403, fields: { "set-cookie": "a=1" } },
      ],
      [
        "an error of the server counts as failure, whatever it says",
        { status: { code: 13 }, httpResponse: { case: "errorResponse", value: { status: { code: 418 } } } },
        { status: 418 },
        { status: 503 },
      ],
      [
        "an escaped name hides no parameter",
        ok({ queryParametersToRemove: ["token"] }),
        { ...seen, body: { target: "/?%74oken=1" } },
        { ...seen, body: { target: "/" } },
      ],
    ])("%s", async ([name, answer, ofEnvoy, ofPagoda], { skip }) => {
      skipWithoutEnvoy(skip);
      await using pair = await both({ protocol: "grpc", failOpen: false });
      const id = name.replaceAll(" ", "-").replaceAll(",", "");
      answers.set(id, answer);
      const [envoy, pagoda] = await compared(pair, { target: "/?%74oken=1", headers: { "x-case": id } });
      expect(envoy).toMatchObject(ofEnvoy);
      expect(pagoda).toMatchObject(ofPagoda);
      const { fields } = ofPagoda as { readonly fields?: object };
      expect((pagoda as { readonly fields: object }).fields).toEqual(fields ?? {});
    });

    test("over HTTP, no client sends what the server would set, and each 2xx allows", async ({ skip }) => {
      skipWithoutEnvoy(skip);
      await using pair = await both({ protocol: "http", failOpen: false });
      const headers = { "x-groups": "admin" };
      const [envoy, pagoda] = await compared(pair, { target: "/200", headers });
      expect(envoy).toMatchObject({ body: { seen: { "x-groups": "admin", "x-user": "ann" } } });
      expect(pagoda).toMatchObject({ body: { seen: { "x-user": "ann" } } });
      expect(pagoda).not.toMatchObject({ body: { seen: { "x-groups": "admin" } } });
      await using open = await both({ protocol: "http", failOpen: true });
      const unanswered = await compared(open, { target: "/500", headers });
      expect(unanswered).toMatchObject([{ body: { seen: { "x-groups": "admin" } } }, { body: { seen: {} } }]);
      expect(unanswered[1]).not.toMatchObject({ body: { seen: { "x-groups": "admin" } } });
      const created = await compared(pair, { target: "/201" });
      expect(created).toMatchObject([
        { status: 201, body: "decided" },
        { status: 200, body: { target: "/201" } },
      ]);
    });
  });
});
