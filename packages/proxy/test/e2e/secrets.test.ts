import { Agent, request } from "node:https";
import { testAuthority } from "@pagoda/http/testing";
import { authoritiesSecret, certificateSecret, SecretAgent } from "@pagoda/xds/testing";
import { describe, expect, test } from "vitest";
import { anywhere, configured, Folder, says, through } from "./configured.ts";
import { Envoy, installsEnvoy, skipWithoutEnvoy } from "./envoy.ts";
import { buildsGoControlPlane, GoControlPlane, skipWithoutGo } from "./go-control-plane.ts";
import { named } from "./origin.ts";
import { type Pagoda, until } from "./program.ts";

buildsGoControlPlane();
installsEnvoy();

const authority = testAuthority();
const names = "DNS:shop.test,IP:127.0.0.1";

function issue(subject: string) {
  return authority.issue({ subject: `CN=${subject}`, names });
}

function agentIn(folder: Folder): SecretAgent {
  return new SecretAgent(folder.file("agent.sock"));
}

function sds(agent: SecretAgent): object {
  return { sds: { server: agent.url, node: { id: "edge-1" } } };
}

/** A listener with the certificate of a secret. */
function secured(agent: SecretAgent, listener: object = {}): object {
  const tls = { certificates: [{ secret: "web" }] };
  return {
    listeners: [{ ...anywhere, name: "main", tls, routes: [says("yes")], ...listener }],
    control: sds(agent),
  };
}

interface Answered {
  readonly body: string;
  /** The common name of the server's certificate. */
  readonly server: string;
}

/** One request over TLS, by default on a connection of its own. */
function ask(url: string, options: object = {}): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { ca: authority.ca, agent: false, ...options }, (response) => {
      const certificate = (response.socket as import("node:tls").TLSSocket).getPeerCertificate();
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => (body += text));
      response.on("end", () => resolve({ body, server: String(certificate.subject?.CN) }));
    });
    sent.once("error", reject).end();
  });
}

/** Keeps calling, on new connections and on kept ones, until it is stopped. */
function load(url: string) {
  const failures: unknown[] = [];
  const seen = new Set<string>();
  const agent = new Agent({ keepAlive: true, maxSockets: 2 });
  let isOver = false;
  let calls = 0;
  const client = async (options: object): Promise<void> => {
    while (!isOver) {
      try {
        seen.add((await ask(url, options)).server);
      } catch (error) {
        failures.push(error);
      }
      calls++;
    }
  };
  const clients = [{}, {}, { agent }, { agent }].map(client);
  return {
    seen,
    async stop() {
      isOver = true;
      await Promise.all(clients);
      agent.destroy();
      return { calls, failures };
    },
  };
}

/** Everything that an operator can read of it. */
async function readable(pagoda: Pagoda): Promise<string> {
  const pages = await Promise.all(
    ["/config", "/stack", "/metrics", "/clusters"].map((page) => pagoda.admin(page)),
  );
  return pagoda.output + pages.map(({ text }) => text).join("\n");
}

/** What distinguishes a key in whatever form it is shown. */
function core(pem: string): string {
  return (pem.split("\n")[2] as string).slice(0, 30);
}

describe("a certificate from an agent", () => {
  test("is rotated under load in all workers, without a failed request", async () => {
    using folder = new Folder();
    await using agent = await agentIn(folder).listen();
    const all = ["one", "two", "three"].map(issue);
    agent.serve(certificateSecret("web", all[0] as (typeof all)[0]));
    await using pagoda = await configured(folder, secured(agent), { PROXY_WORKERS: "2" });
    const calls = load(pagoda.url);
    for (const [at, name] of ["one", "two", "three"].entries()) {
      agent.serve(certificateSecret("web", all[at] as (typeof all)[0]));
      await until(
        () => Promise.all(Array.from({ length: 8 }, () => ask(pagoda.url))),
        (answers) => answers.every(({ server }) => server === name),
      );
    }
    const { failures, calls: count } = await calls.stop();
    expect(failures).toEqual([]);
    expect(count).toBeGreaterThan(10);
    expect(calls.seen.has("three")).toBe(true);
    expect(await pagoda.metric("pagoda_xds_connected")).toBe(1);
    expect(await pagoda.metric("pagoda_xds_updates_total", { kind: "sds", result: "accepted" })).toBe(4);
    expect(
      await pagoda.metric("pagoda_certificate_not_after_timestamp_seconds", { file: "secret:web" }),
    ).toBeGreaterThan(Date.now() / 1_000);
    const text = await readable(pagoda);
    for (const { key } of all) expect(text).not.toContain(core(key));
    expect(text).not.toContain("PRIVATE KEY");
  });

  test("that is nonsense is rejected with the reason, and the last one is served", async () => {
    using folder = new Folder();
    await using agent = await agentIn(folder).listen();
    const [good, other] = [issue("good"), issue("other")];
    agent.serve(certificateSecret("web", good));
    await using pagoda = await configured(folder, secured(agent));
    for (const [secret, problem] of [
      [
        certificateSecret("web", { certificate: other.certificate, key: good.key }),
        "tls_certificate.private_key is not the key of the certificate",
      ],
      [
        certificateSecret("web", { certificate: "nonsense", key: good.key }),
        "tls_certificate.certificate_chain must be a certificate in PEM format, which begins with -----BEGIN CERTIFICATE-----",
      ],
      [authoritiesSecret("web", authority.ca), "must be a tls_certificate here (got a validation_context)"],
    ] as const) {
      agent.serve(secret);
      expect(await agent.rejections.next()).toBe(`sds "web": ${problem}`);
      await pagoda.log(
        ({ problems }) => JSON.stringify(problems) === JSON.stringify([`sds "web": ${problem}`]),
      );
      expect(await ask(pagoda.url)).toEqual({ body: "yes", server: "good" });
    }
    expect((await pagoda.admin("/stack")).text).toContain("must be a tls_certificate here");
    expect(await readable(pagoda)).not.toContain(core(good.key));
    agent.serve(certificateSecret("web", other));
    await until(
      () => ask(pagoda.url),
      ({ server }) => server === "other",
    );
  });

  test("is kept while the agent is away, also in new workers, and followed again", async () => {
    using folder = new Folder();
    await using agent = await agentIn(folder).listen();
    agent.serve(certificateSecret("web", issue("one")));
    await using pagoda = await configured(folder, secured(agent));
    await agent.kill();
    await pagoda.log("control plane disconnected; keeping the last known secret");
    const [worker] = await pagoda.workers();
    process.kill(worker as number, "SIGKILL");
    await pagoda.log("worker restarted");
    expect((await ask(pagoda.url)).server).toBe("one");
    // Nor does a reload lose it.
    folder.write("pagoda.yaml", secured(agent, { routes: [says("changed")] }));
    await pagoda.log("configuration applied");
    expect(await ask(pagoda.url)).toEqual({ body: "changed", server: "one" });
    expect((await pagoda.admin("/ready")).status).toBe(200);
    agent.serve(certificateSecret("web", issue("two")));
    await agent.listen();
    await until(
      () => ask(pagoda.url),
      ({ server }) => server === "two",
    );
  });

  test("keeps only its listener closed until it comes, and then opens it", async () => {
    using folder = new Folder();
    await using agent = agentIn(folder);
    // Of loopback's addresses this one is taken by nobody else.
    const address = `127.9.${Math.floor(process.pid / 256) % 256}.${process.pid % 256}:8443`;
    const { listeners, control } = secured(agent, { address, name: "secure" }) as {
      readonly listeners: readonly object[];
      readonly control: object;
    };
    const plain = { ...anywhere, name: "plain", routes: [says("here")] };
    await using pagoda = await configured(folder, { listeners: [plain, ...listeners], control });
    expect(await pagoda.log('listener secure waits for secret "web"')).toMatchObject({
      level: 50,
      listener: "secure",
      meanwhile: "refuses connections",
      reason: expect.stringMatching(/^secret "web" has not come from unix:.+agent\.sock: .*ENOENT/),
    });
    const ready = await pagoda.admin("/ready");
    expect([ready.status, ready.text]).toEqual([503, expect.stringContaining("listener secure waits for")]);
    expect(await (await fetch(pagoda.url)).text()).toBe("here");
    const url = `https://${address}`;
    const options = { servername: "shop.test" };
    await expect(ask(url, options)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    agent.serve(certificateSecret("web", issue("late")));
    await agent.listen();
    await pagoda.log(({ msg, trigger }) => msg === "configuration applied" && trigger === "secret change");
    expect(await ask(url, options)).toEqual({ body: "yes", server: "late" });
    expect((await pagoda.admin("/ready")).status).toBe(200);
  });

  test("is required by a reload that names it, as a file is", async () => {
    using folder = new Folder();
    await using agent = await agentIn(folder).listen();
    agent.serve(certificateSecret("web", issue("one")));
    await using pagoda = await configured(folder, secured(agent));
    folder.write("pagoda.yaml", secured(agent, { tls: { certificates: [{ secret: "none" }] } }));
    const { problems } = await pagoda.log("configuration rejected");
    expect(problems).toEqual([
      expect.stringMatching(
        /^listeners\[0\]\.tls\.certificates\[0\]\.secret: secret "none" has not come from unix:/,
      ),
    ]);
    expect((await ask(pagoda.url)).server).toBe("one");
    // A rotation does not wait until the file is mended.
    agent.serve(certificateSecret("web", issue("two")));
    await until(
      () => ask(pagoda.url),
      ({ server }) => server === "two",
    );
  });
});

test("a process that does not get a secret does not replace one that has it", async () => {
  using folder = new Folder();
  await using agent = await agentIn(folder).listen();
  agent.serve(certificateSecret("web", issue("one")));
  await using pagoda = await configured(folder, secured(agent));
  await agent.kill();
  pagoda.kill("SIGUSR2");
  await pagoda.log('secret "web" has not come from unix:');
  await pagoda.log("replacement failed; continuing");
  expect((await ask(pagoda.url)).server).toBe("one");
});

test("secrets and endpoints of a control plane come on one stream, and stay while it is away", async ({
  skip,
}) => {
  skipWithoutGo(skip);
  using folder = new Folder();
  await using origin = await named("origin");
  await using plane = await new GoControlPlane().listen();
  const clusters = { shop: { endpoints: [{ address: `127.0.0.1:${origin.port}` }] } };
  const serve = (version: string, name: string) =>
    plane.serve({ version, clusters, secrets: { web: issue(name) } });
  await serve("1", "one");
  const tls = { certificates: [{ secret: "web" }] };
  const control = { xds: { server: plane.url, node: { id: "test" } } };
  await using pagoda = await configured(folder, { ...through({ xds: "shop" }, { tls }), control });
  expect(await ask(pagoda.url)).toEqual({ body: "origin", server: "one" });
  await plane.kill();
  await pagoda.log("control plane disconnected; keeping the last known endpoints");
  expect(await ask(pagoda.url)).toEqual({ body: "origin", server: "one" });
  await plane.listen();
  await serve("2", "two");
  await until(
    () => ask(pagoda.url),
    ({ server }) => server === "two",
  );
  expect(pagoda.logs.filter(({ msg }) => msg === "control plane connected")).toHaveLength(2);
  expect((await ask(pagoda.url)).body).toBe("origin");
});

test("certificates of one agent are those of Envoy, too, and both keep them if the next is nonsense", async ({
  skip,
}) => {
  skipWithoutGo(skip);
  skipWithoutEnvoy(skip);
  using folder = new Folder();
  await using plane = await new GoControlPlane().listen();
  const serve = (version: string, web: ReturnType<typeof issue>) =>
    plane.serve({ version, clusters: {}, secrets: { web } });
  const [one, two] = [issue("one"), issue("two")];
  await serve("1", one);
  await using envoy = await Envoy.start(folder, plane.port, { secret: "web" });
  const config = {
    ...secured(agentIn(folder)),
    control: { sds: { server: plane.url, node: { id: "test" } } },
  };
  await using pagoda = await configured(folder, config);
  const urls = [envoy.url.replace("http:", "https:"), pagoda.url];
  const servers = async (): Promise<readonly string[]> =>
    (await Promise.all(urls.map((url) => ask(url)))).map(({ server }) => server);
  await until(servers, (all) => all.every((server) => server === "one"));
  await serve("2", two);
  await until(servers, (all) => all.every((server) => server === "two"));
  await serve("3", { certificate: one.certificate, key: two.key });
  const nacks = (): ReadonlySet<string | undefined> =>
    new Set(plane.requests.map(({ error }) => error).filter((error) => error !== undefined));
  // Each in its own words.
  await plane.until(() => nacks().size === 2);
  expect(nacks()).toContain('sds "web": tls_certificate.private_key is not the key of the certificate');
  expect(await servers()).toEqual(["two", "two"]);
  await serve("4", one);
  await until(servers, (all) => all.every((server) => server === "one"));
});

test("origins are called with a client certificate and authorities from an agent, or not at all", async () => {
  using folder = new Folder();
  await using agent = await agentIn(folder).listen();
  await using origin = await named("origin");
  folder.write("ca.pem", authority.ca);
  const shop = issue("shop");
  folder.write("shop.pem", shop.certificate);
  folder.write("shop.key", shop.key);
  const tls = {
    certificates: [{ certificate: "shop.pem", key: "shop.key" }],
    clients: { ca: "ca.pem" },
  };
  await using inner = await configured(folder, through({ endpoints: [origin.url] }, { tls }));
  using outside = new Folder();
  const cluster = { endpoints: [inner.url], tls: { secret: "cart", ca: { secret: "mesh" } } };
  await using pagoda = await configured(outside, { ...through(cluster), control: sds(agent) });
  expect((await fetch(pagoda.url)).status).toBe(503);
  expect(await pagoda.log('cluster origin waits for secret "mesh"')).toMatchObject({ cluster: "origin" });
  agent.serve(certificateSecret("cart", issue("cart")));
  agent.serve(authoritiesSecret("mesh", testAuthority("other").ca));
  // An authority that has not issued the origin's certificate.
  await until(
    () => fetch(pagoda.url),
    ({ status }) => status === 502,
  );
  agent.serve(authoritiesSecret("mesh", authority.ca));
  await until(
    () => fetch(pagoda.url),
    ({ status }) => status === 200,
  );
});
