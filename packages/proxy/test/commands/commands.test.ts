import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { passwords } from "@pagoda/basic-auth";
import { testAuthority } from "@pagoda/http/testing";
import { describe, expect, test } from "vitest";
import { adviceGuide } from "../../src/config/advice.ts";
import { check } from "../../src/commands/check.ts";
import type { Command } from "../../src/commands/command.ts";
import { explain } from "../../src/commands/explain.ts";
import { hashPassword } from "../../src/commands/hash-password.ts";
import { healthcheck } from "../../src/commands/healthcheck.ts";
import { schema } from "../../src/commands/schema.ts";
import { Folder, through } from "../e2e/configured.ts";
import { quietPort } from "../e2e/quiet-port.ts";
import { skipWithout } from "../e2e/system.ts";
import { quota } from "../plugin-source.ts";

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end. */
async function ran(
  command: Command,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  let stdout = "";
  let stderr = "";
  const code = await command.run(args, {
    env,
    stdout: (text) => void (stdout += text),
    stderr: (text) => void (stderr += text),
  });
  return { code, stdout, stderr };
}

const example = (name: string): string =>
  fileURLToPath(new URL(`../../examples/${name}.yaml`, import.meta.url));

describe("check", () => {
  test("summarizes a valid configuration", async () => {
    expect(await ran(check, ["-c", example("minimal")])).toEqual({
      code: 0,
      stdout: "valid: 1 listener, 1 route, 1 cluster\n",
      stderr: "",
    });
    expect(await ran(check, [], { PROXY_CONFIG: example("minimal") })).toMatchObject({ code: 0 });
    expect(await ran(check, [], { PROXY_UPSTREAM_ADDRS: "http://a:1" })).toMatchObject({
      code: 0,
      stdout: "valid (no file): 1 listener, 1 route, 1 cluster\n",
    });
  });

  test("names the policies of plugins", async () => {
    using folder = new Folder();
    folder.write("policies/quota.ts", quota());
    const plugins = { plugins: ["./policies/quota.ts"], ...through({ endpoints: ["http://127.0.0.1:1"] }) };
    const { stdout } = await ran(check, ["-c", folder.write("pagoda.yaml", plugins)]);
    expect(stdout).toBe("valid: 1 listener, 1 route, 1 cluster, plugins: quota\n");
  });

  test("lists every problem with its place, also in referenced files, and exits with 2", async () => {
    using folder = new Folder();
    const full = readFileSync(example("full"), "utf8").replace(/^plugins:.*$/m, "");
    const file = folder.write("pagoda.yaml", full);
    folder.write("stock.json", "[]");
    const { code, stdout, stderr } = await ran(check, ["-c", file]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    const files = full
      .replaceAll(/#.*$/gm, "")
      .match(/(?<![\w./-])[\w/-]+\.(?:pem|key|secret|password|token|json)\b/g);
    const missing = files?.filter((name) => name !== "stock.json").map((name) => folder.file(name));
    const lines = stderr.trimEnd().split("\n");
    const named = lines.map(
      (line) => /^\S+pagoda\.yaml:\d+:\d+: \S+: (\S+): cannot be read: ENOENT$/.exec(line)?.[1],
    );
    expect(named.toSorted()).toEqual(missing?.toSorted());
  });

  test("warns about unused clusters and missing endpoint files, and exits with 0", async () => {
    using folder = new Folder();
    const routes = [{ name: "a", cluster: "shop" }];
    const clusters = { shop: { file: "shop.json" }, cart: { endpoints: ["http://127.0.0.1:1"] } };
    const file = folder.write("pagoda.yaml", { listeners: [{ address: "127.0.0.1:1", routes }], clusters });
    const { code, stdout, stderr } = await ran(check, ["-c", file]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: "valid: 1 listener, 1 route, 2 clusters\n" });
    expect(stderr.trimEnd().split("\n")).toEqual([
      `warning: ${file}:1:123: clusters.cart: no route uses this cluster; see ${adviceGuide}#a-cluster-that-no-route-uses`,
      `warning: ${folder.file("shop.json")}: cannot be read: ENOENT`,
    ]);
  });

  test("warns about a route that can never match, where the order counts", async () => {
    using folder = new Folder();
    const respond = { status: 204 };
    const routes = [
      { name: "all", match: { path: "/" }, respond },
      { name: "api", match: { path: "/api" }, respond },
    ];
    const listeners = [{ address: "127.0.0.1:1", order: "first", routes }];
    const { code, stderr } = await ran(check, ["-c", folder.write("pagoda.yaml", { listeners })]);
    expect(code).toBe(0);
    expect(stderr).toContain(
      `listeners[0].routes[1]: can never match: all takes every request first; see ${adviceGuide}#a-route-that-can-never-match`,
    );
  });

  test("lists the problems of schema, layers and files in one pass", async () => {
    using folder = new Folder();
    folder.write("shop.json", ["10.0.0.1:8080", "http://a:1"]);
    const routes = [
      { name: "a", cluster: "shpo", policies: { timeout: 5 } },
      { name: "b", match: { path: { regex: "(" } }, cluster: "shop" },
      { name: "c" },
      { name: "d", match: { hosts: ["x"] }, cluster: "bad" },
    ];
    const tls = { certificates: [{ certificate: "c.pem", key: "c.key" }] };
    const file = folder.write("pagoda.yaml", {
      listeners: [{ address: "nowhere", tls, routes }],
      clusters: { shop: { file: "shop.json" }, bad: { endpoints: [1] } },
      log: { level: "loud" },
    });
    const { code, stderr } = await ran(check, ["-c", file], { LOG_LEVEL: "loud" });
    expect(code).toBe(2);
    const lines = stderr
      .trimEnd()
      .split("\n")
      .map((line) => line.replaceAll(`${folder.path}/`, "").replace(/:1:\d+/, ""));
    expect(lines).toEqual([
      'LOG_LEVEL must be one of trace, debug, info, warn, error, fatal, silent (got "loud")',
      expect.stringMatching(/^pagoda.yaml: listeners\[0\].address: must be .+ \(got "nowhere"\)$/),
      'pagoda.yaml: listeners[0].routes[0].cluster: unknown cluster "shpo"; did you mean shop?',
      expect.stringMatching(
        /^pagoda.yaml: listeners\[0\].routes\[0\].policies.timeout: must be a duration.* \(got 5\)$/,
      ),
      expect.stringMatching(
        /^pagoda.yaml: listeners\[0\].routes\[1\].match.path.regex: must be a pattern: .* \(got "\("\)$/,
      ),
      expect.stringMatching(
        /^pagoda.yaml: listeners\[0\].routes\[2\]: must be exactly one of cluster, clusters, redirect, respond/,
      ),
      expect.stringMatching(/^pagoda.yaml: clusters.bad.endpoints\[0\]: must be .+ \(got 1\)$/),
      expect.stringMatching(/^pagoda.yaml: log.level: must be one of .+ \(got "loud"\)$/),
      "pagoda.yaml: listeners[0].tls.certificates[0].certificate: c.pem: cannot be read: ENOENT",
      "pagoda.yaml: listeners[0].tls.certificates[0].key: c.key: cannot be read: ENOENT",
      'shop.json: [0] must be http://HOST:PORT or https://HOST:PORT, without a path (got "10.0.0.1:8080")',
    ]);
  });

  test("prints at most a hundred problems", async () => {
    using folder = new Folder();
    const routes = Array.from({ length: 5_000 }, (_, n) => ({
      name: `r${n}`,
      match: { path: `/${n}` },
      cluster: "shop",
      policies: { timeout: n },
    }));
    const file = folder.write("pagoda.yaml", { listeners: [{ address: "127.0.0.1:1", routes }] });
    const { code, stderr } = await ran(check, ["-c", file]);
    const lines = stderr.trimEnd().split("\n");
    expect([code, lines.length, lines[100]]).toEqual([2, 101, "and 9,900 more"]);
  });

  test("rejects a key that does not match its certificate, and a file without a certificate", async () => {
    const authority = testAuthority();
    const [one, two] = [authority.issue(), authority.issue()];
    using folder = new Folder();
    folder.write("one.pem", one.certificate);
    folder.write("two.key", two.key);
    folder.write("text.pem", "hello");
    const tls = {
      certificates: [
        { certificate: "one.pem", key: "two.key" },
        { certificate: "text.pem", key: "text.pem" },
      ],
    };
    const listener = { address: "127.0.0.1:1", tls, routes: [{ name: "a", respond: { status: 200 } }] };
    const file = folder.write("pagoda.yaml", { listeners: [listener], clusters: {} });
    const { stderr } = await ran(check, ["-c", file]);
    expect(stderr).toContain("two.key: is not the key of the certificate");
    expect(stderr).toContain("text.pem: must be a certificate in PEM format");
    expect(stderr).toContain("text.pem: must be a key in PEM format without a passphrase");
  });

  test("rejects a key that is too weak, and a bundle with a malformed certificate", async ({ skip }) => {
    skipWithout(skip, "openssl");
    const authority = testAuthority();
    using folder = new Folder();
    const out = ["-keyout", folder.file("weak.key"), "-out", folder.file("weak.pem")];
    execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:1024", "-nodes", "-subj", "/CN=x", ...out], {
      stdio: "ignore",
    });
    folder.write("ca.pem", `${authority.ca}${authority.ca.replace("MII", "XXX")}`);
    const certificates = [{ certificate: "weak.pem", key: "weak.key" }];
    const routes = [{ name: "a", respond: { status: 200 } }];
    const listener = { address: "127.0.0.1:1", tls: { certificates, clients: { ca: "ca.pem" } }, routes };
    const file = folder.write("pagoda.yaml", { listeners: [listener] });
    const { stderr } = await ran(check, ["-c", file]);
    expect(stderr).toMatch(/weak\.key: cannot be used with the certificate: .*too small/);
    expect(stderr).toContain("ca.pem: certificate 2 of 2 cannot be read");
  });

  test.each([[["--port"]], [["file.yaml"]], [["-c"]]])(
    "rejects the arguments %j and exits with 2",
    async (args) => {
      const { code, stderr } = await ran(check, args);
      expect(code).toBe(2);
      expect(stderr).toContain("see pagoda --help");
    },
  );
});

describe("explain", () => {
  const routes = [
    { name: "cart", match: { path: "/cart", methods: ["POST"] }, cluster: "cart" },
    {
      name: "beta",
      match: { path: "/", headers: [{ name: "x-beta", exact: "yes" }] },
      clusters: [
        { cluster: "cart", weight: 1 },
        { cluster: "shop", weight: 3 },
      ],
    },
    { name: "rest", cluster: "shop", policies: { retry: { attempts: 2 } } },
  ];
  const config = {
    listeners: [
      {
        name: "main",
        address: "127.0.0.1:1",
        policies: {
          authorize: { rules: [{ name: "outside", effect: "deny", from: { addresses: ["192.0.2.0/24"] } }] },
        },
        routes,
      },
    ],
    clusters: {
      cart: { endpoints: ["http://a:1"] },
      shop: { endpoints: ["http://b:1"], balance: "peak-ewma", policies: { timeout: "1s" } },
    },
  };

  async function explained(...args: readonly string[]): Promise<string> {
    using folder = new Folder();
    const { code, stdout, stderr } = await ran(explain, ["-c", folder.write("pagoda.yaml", config), ...args]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    return stdout;
  }

  test("shows the route, cluster and policies, and why other routes did not match", async () => {
    expect(await explained("GET", "http://shop.example/cart/1")).toBe(
      [
        "no listener serves http on port 80; assuming a load balancer in front that maps it to the listener below",
        "",
        "listener main",
        "  client 127.0.0.1",
        "    authorize: allowed, by otherwise",
        "  route rest",
        '    not cart: method is "GET", not POST',
        "    not beta: header x-beta is absent, not exact (not shown)",
        "    timeout: 15s",
        '    retry: {"on":{"statuses":[429,502,503,504],"grpc":["unavailable","resource-exhausted"],"connectFailure":true,"reset":true,"methods":["GET","HEAD","OPTIONS","TRACE","PUT","DELETE"]},"attempts":2,"backoff":{"base":"25ms","max":"250ms"},"budget":{"ratio":"20%","minPerSecond":10},"maxRetryAfter":"5s","maxBody":"64KiB"}',
        "  cluster shop",
        '    peak-ewma over ["http://b:1"]',
        "    timeout: 1s",
        "",
      ].join("\n"),
    );
  });

  test("matches by method, header fields and client", async () => {
    expect(await explained("POST", "http://a/cart")).toMatch(/ {2}route cart\n[^]* {2}cluster cart\n/);
    expect(await explained("GET", "http://a/", "-H", "X-Beta: yes")).toMatch(
      / {2}route beta\n[^]* {2}cluster cart \(25% of the calls\)\n[^]* {2}cluster shop \(75% of the calls\)\n/,
    );
    expect(await explained("GET", "http://a:1/", "--from", "192.0.2.7")).toBe(
      "listener main\n  client 192.0.2.7\n    authorize: denied: 403, by outside\n",
    );
  });

  test.each([
    [["GET"], "requires a method and a URL"],
    [["GET", "/cart"], 'URL must be absolute, such as http://shop.example/cart (got "/cart")'],
    [["GET", "http://a/", "--from", "10.0.0"], '--from must be an IP address (got "10.0.0")'],
    [["GET", "http://a/", "-H", "x"], "-H must be 'NAME: VALUE' (got \"x\")"],
  ])("rejects %j and exits with 2", async (args, message) => {
    const { code, stderr } = await ran(explain, args);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});

test("schema -c includes the plugins of a file", async () => {
  const { code, stdout } = await ran(schema, ["-c", example("plugin")]);
  expect(code).toBe(0);
  expect(stdout).toContain("Header field that names the tenant.");
  using folder = new Folder();
  const file = folder.write("pagoda.yaml", { plugins: ["./none.js"] });
  expect(await ran(schema, ["-c", file])).toMatchObject({
    code: 2,
    stdout: "",
    stderr: expect.stringContaining("plugins[0]: ./none.js: must be the path of a module"),
  });
});

test("schema prints a JSON Schema that covers the examples", async () => {
  const { code, stdout } = await ran(schema, []);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    $schema: "https://json-schema.org/draft/2020-12/schema",
    type: "object",
    additionalProperties: false,
  });
});

test("healthcheck reports that nothing listens, and exits with 1", async () => {
  const { code, stderr } = await ran(healthcheck, [], {
    PROXY_METRICS_ADDR: `127.0.0.1:${await quietPort()}`,
    PROXY_UPSTREAM_ADDRS: "http://a:1",
  });
  expect(code).toBe(1);
  expect(stderr).toContain("ECONNREFUSED");
});

describe("hash-password", () => {
  test.each(["correct horse", "correct horse\n", "correct horse\r\n"])(
    "prints the hash of %j",
    async (stdin) => {
      const { code, stdout, stderr } = await ran(
        hashPassword(() => Readable.from([stdin])),
        [],
      );
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(stdout).toMatch(/^\$scrypt\$ln=15,r=8,p=3\$\S+\n$/);
      const verify = passwords({ ann: stdout.trimEnd() });
      expect(await verify({ name: "ann", password: "correct horse" })).toBe("ann");
    },
  );

  test("rejects an empty password, and a password as an argument, which it does not repeat", async () => {
    expect(
      await ran(
        hashPassword(() => Readable.from(["\n"])),
        [],
      ),
    ).toEqual({
      code: 2,
      stdout: "",
      stderr: "pagoda hash-password: the password is empty\n",
    });
    expect(
      await ran(
        hashPassword(() => Readable.from([])),
        ["hunter"],
      ),
    ).toEqual({
      code: 2,
      stdout: "",
      stderr: "pagoda hash-password: takes no arguments; write the password to standard input\n",
    });
  });
});
