import { isLeft } from "@pagoda/core";
import { describe, expect, test } from "vitest";
import { problemText } from "../../src/config/document.ts";
import { readConfig } from "../../src/config/read.ts";

const listeners = [{ address: "127.0.0.1:0", routes: [{ name: "all", cluster: "shop" }] }];

function read(cluster: object) {
  const shop = { endpoints: ["https://a:1"], ...cluster };
  return readConfig(JSON.stringify({ listeners, clusters: { shop } }));
}

/** The problems of a cluster, from the path on. */
function problems(cluster: object): readonly string[] {
  const result = read(cluster);
  return isLeft(result)
    ? result.left.map((problem) => problemText("f", problem).replace(/^.*?clusters\.shop\./, ""))
    : [];
}

const proxy = "http://proxy:3128";
const undici = { client: "undici" };
const validProxy = "must be http://HOST:PORT or https://HOST:PORT, with USER:PASSWORD@ if it asks for them";

describe("the client of a cluster", () => {
  test.each<[string, object, string[]]>([
    ["undici with a proxy", { ...undici, proxy, check: { type: "http" } }, []],
    ["undici without a proxy", { ...undici, check: { type: "grpc" } }, []],
    ["a proxy without undici", { proxy }, ["proxy: requires `client: undici`"]],
    [
      "undici over HTTP/2",
      { ...undici, protocol: "http2" },
      ["protocol: must be http1 with client: undici (got http2)"],
    ],
    [
      "a TCP check of endpoints behind a proxy",
      { ...undici, proxy, check: { type: "tcp" } },
      ["check.type: must be http, the only check that goes through a proxy (got tcp)"],
    ],
    [
      "a gRPC check of endpoints behind a proxy",
      { ...undici, proxy, check: { type: "grpc" } },
      ["check.type: must be http, the only check that goes through a proxy (got grpc)"],
    ],
    ["an unknown client", { client: "got", proxy }, ['client: must be one of transport, undici (got "got")']],
  ])("%s", (_, cluster, expected) => {
    expect(problems(cluster)).toEqual(expected);
  });
});

describe("the URL of a proxy", () => {
  test.each([
    ["http://proxy:3128", "http://proxy:3128"],
    ["HTTP://Proxy.example/", "http://proxy.example"],
    ["https://proxy", "https://proxy"],
    ["http://ann@[::1]:3128", "http://ann@[::1]:3128"],
    ["http://ann:p%40ss@proxy:3128", "http://ann:p%40ss@proxy:3128"],
  ])("may be %s", (url, expected) => {
    const result = read({ ...undici, proxy: url });
    expect(isLeft(result) ? result.left : result.right.clusters["shop"]?.proxy).toBe(expected);
  });

  test.each([
    ["proxy:3128", '"proxy:3128"'],
    ["socks5://proxy:1080", '"socks5://proxy:1080"'],
    ["http://proxy:0", '"http://proxy:0"'],
    ["http://proxy:3128/path", '"http://proxy:3128/path"'],
    ["http://:hunter@proxy", '"http://(not shown)@proxy"'],
    ["http://ann:hunter%@proxy", '"http://(not shown)@proxy"'],
    ["http://ann:hunter@proxy/path", '"http://(not shown)@proxy/path"'],
  ])("must not be %s", (url, shown) => {
    expect(problems({ ...undici, proxy: url })).toEqual([`proxy: ${validProxy} (got ${shown})`]);
  });
});
