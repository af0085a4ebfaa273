import { once } from "node:events";
import { type Agent, type IncomingMessage, request } from "node:http";
import { connect } from "node:http2";
import { constants } from "node:os";
import { describe, expect, test } from "vitest";
import { call, head, keepAlive, Wire } from "./client.ts";
import { configured, Folder, through } from "./configured.ts";
import { Arrivals, held, type Held, origin, silent } from "./origin.ts";
import { Pagoda, Program, until } from "./program.ts";

const ask = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";

describe.each(["SIGTERM", "SIGINT"] as const)("%s", (signal) => {
  test("completes 200 requests in flight, accepts nothing more, and exits with 0", async () => {
    const arrivals = new Arrivals<Held>();
    await using upstream = await held(arrivals);
    await using pagoda = await Pagoda.start({ PROXY_UPSTREAM_ADDRS: upstream.url });
    using agent = keepAlive(200);
    using idle = new Wire(pagoda.url);
    idle.send(ask);
    (await arrivals.next()).response.end("done");
    await idle.receives("done");

    // Half of them wait for the head, the others have the head and a part of the body.
    const waiting = Promise.all(Array.from({ length: 100 }, () => call(pagoda.url, { agent })));
    const unanswered = await arrivals.take(100);
    const heads = Promise.all(Array.from({ length: 100 }, () => head(pagoda.url, { agent })));
    const begun = await arrivals.take(100);
    for (const { response } of begun) response.write("begin ");
    const reading = (await heads).map(textOf);

    pagoda.kill(signal);
    expect(await pagoda.log("draining")).toMatchObject({ signal });
    // After a response of the admin endpoint the signal has been handled.
    expect(await pagoda.admin("/readyz")).toEqual({ status: 503, text: "not ready: draining\n" });
    expect(await pagoda.admin("/health")).toEqual({ status: 200, text: "ok\n" });
    expect(await pagoda.metric("http_requests_in_flight")).toBe(200);
    using late = new Wire(pagoda.url);
    expect(await late.closed).toBe("ECONNREFUSED");
    expect(await idle.closed).toBeUndefined();

    for (const { response } of begun) response.end("end");
    expect(new Set(await Promise.all(reading))).toEqual(new Set(["begin end"]));
    for (const { response } of unanswered) response.end("whole");
    const answers = await waiting;
    expect(answers).toHaveLength(100);
    for (const { status, body, message } of answers) {
      expect({ status, body }).toEqual({ status: 200, body: "whole" });
      expect(message.headers.connection).toBe("close");
    }
    expect(await pagoda.exit).toEqual({ code: 0, signal: null });
    expect(pagoda.logs.at(-1)?.msg).toBe("drained");
    expect(pagoda.output).not.toContain("cut off");
  });

  test.each(["SIGTERM", "SIGINT"] as const)("followed by %s ends the program at once", async (second) => {
    const arrivals = new Arrivals<Held>();
    await using upstream = await held(arrivals);
    await using pagoda = await Pagoda.start({ PROXY_UPSTREAM_ADDRS: upstream.url });
    using wire = new Wire(pagoda.url);
    wire.send(ask);
    await arrivals.next();
    pagoda.kill(signal);
    await pagoda.log("draining");
    pagoda.kill(second);
    expect(await pagoda.exit).toEqual({ code: 128 + constants.signals[second], signal: null });
    expect(pagoda.output).toContain("second signal; exiting at once");
    await wire.closed;
    expect(wire.text).toBe("");
  });
});

test("every POST that reaches an origin during a drain is answered", async () => {
  const reached = new Set<string>();
  await using upstream = await origin((request, response) => {
    reached.add(request.headers["x-call"] as string);
    request.resume().once("end", () => response.end("done"));
  });
  await using pagoda = await Pagoda.start({ PROXY_UPSTREAM_ADDRS: upstream.url });
  const answered = new Set<string>();
  const busy = Promise.withResolvers<void>();
  /** Sends POSTs in sequence on one connection, until the proxy closes it. */
  async function client(name: number): Promise<void> {
    using agent = keepAlive(1);
    for (let at = 0; ; at++) {
      const id = `${name}/${at}`;
      try {
        if ((await post(pagoda.url, agent, id)) === 200) answered.add(id);
        if (answered.size === 400) busy.resolve();
      } catch {
        return;
      }
    }
  }
  const clients = Promise.all(Array.from({ length: 40 }, (_, name) => client(name)));
  await busy.promise;
  pagoda.kill("SIGTERM");
  await clients;
  expect(await pagoda.exit).toEqual({ code: 0, signal: null });
  expect([...reached].filter((id) => !answered.has(id))).toEqual([]);
});

function post(url: string, agent: Agent, id: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const options = { method: "POST", agent, headers: { "x-call": id } };
    request(url, options, (response) => {
      response.resume().once("end", () => resolve(response.statusCode));
    })
      .once("error", reject)
      .end("body");
  });
}

test("requests cut off at the end of the drain timeout are each logged", async () => {
  const arrivals = new Arrivals<Held>();
  await using upstream = await held(arrivals);
  using folder = new Folder();
  const config = { ...through({ endpoints: [upstream.url] }), drain: { timeout: "100ms" } };
  await using pagoda = await configured(folder, config);
  const unanswered = call(`${pagoda.url}/unanswered`);
  await arrivals.next();
  const begun = head(`${pagoda.url}/begun`);
  (await arrivals.next()).response.write("half");
  const half = textOf(await begun);
  const session = connect(pagoda.url).on("error", () => {});
  const stream = session.request({ ":path": "/stream" }).on("error", () => {});
  await arrivals.next();
  const calls = Promise.allSettled([unanswered, half, once(stream, "close")]);

  pagoda.kill("SIGTERM");
  expect(await pagoda.exit).toEqual({ code: 0, signal: null });
  expect((await calls).slice(0, 2).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  session.destroy();
  const fault = { tag: "Aborted", cause: { message: "draining took longer than 0.1 s" } };
  const lines = pagoda.logs.filter(({ outcome }) => outcome === "cutOff");
  expect(lines).toHaveLength(3);
  for (const line of lines) expect(line).toMatchObject({ level: 40, cluster: "origin", fault });
  expect(new Set(lines.map(({ path }) => path))).toEqual(new Set(["/unanswered", "/begun", "/stream"]));
  expect(pagoda.logs.find(({ msg }) => msg.includes("cut off"))).toMatchObject({ level: 40, cutOff: 3 });
});

async function textOf(message: IncomingMessage): Promise<string> {
  return Buffer.concat(await message.toArray()).toString();
}

test("no configuration is applied during a drain", async () => {
  const arrivals = new Arrivals<Held>();
  await using upstream = await held(arrivals);
  using folder = new Folder();
  await using pagoda = await configured(folder, through({ endpoints: [upstream.url] }));
  const answer = call(pagoda.url);
  const { response } = await arrivals.next();
  pagoda.kill("SIGTERM");
  await pagoda.log("draining");
  const reload = await fetch(`${pagoda.adminUrl}/reload`, { method: "POST" });
  expect([reload.status, await reload.text()]).toEqual([422, "the proxy is draining\n"]);
  response.end("done");
  expect((await answer).body).toBe("done");
  expect(await pagoda.exit).toEqual({ code: 0, signal: null });
});

test("a signal during startup drains, too", async () => {
  await using mute = await silent();
  await using program = new Program({ PROXY_UPSTREAM_ADDRS: mute.url });
  // It has a second to wait for its upstream.
  await program.log("starting");
  program.kill("SIGTERM");
  expect(await program.exit).toEqual({ code: 0, signal: null });
  expect(program.logs.map(({ msg }) => msg)).toContain("drained");
});

/**
 * Checks that the proxy ends when its one request has its response, whatever another connection is
 * doing.
 */
async function expectEndDespite(
  disturb: (wire: Wire, pagoda: Pagoda, arrivals: Arrivals<Held>) => Promise<void>,
): Promise<void> {
  const arrivals = new Arrivals<Held>();
  await using upstream = await held(arrivals);
  using folder = new Folder();
  // Waiting for that connection would exceed any test's timeout.
  const config = { ...through({ endpoints: [upstream.url] }), drain: { timeout: "1h" } };
  await using pagoda = await configured(folder, config);
  const answer = call(pagoda.url);
  const { response } = await arrivals.next();
  using wire = new Wire(pagoda.url);
  await disturb(wire, pagoda, arrivals);
  pagoda.kill("SIGTERM");
  await until(
    () => pagoda.admin("/readyz"),
    ({ status }) => status === 503,
  );
  response.end("done");
  expect(await answer).toMatchObject({ status: 200, body: "done" });
  expect(await pagoda.exit).toEqual({ code: 0, signal: null });
  await wire.closed;
}

test("draining does not wait for a connection that never sent anything", () =>
  expectEndDespite(async (_wire, pagoda) => {
    await until(
      () => pagoda.metric("connections_active"),
      (open) => open === 2,
    );
  }));

test("draining does not wait for an incomplete request head", () =>
  expectEndDespite(async (wire, pagoda) => {
    const open = (): Promise<number> => pagoda.metric("connections_active");
    await until(open, (connections) => connections === 2);
    await new Promise((resolve) => wire.socket.write("GET / HTTP/1.1\r\nho", resolve));
    // It is in the proxy's socket buffer now, and read after a turn of its event loop.
    await open();
  }));

test("draining does not wait for an idle keep-alive connection", () =>
  expectEndDespite(async (wire, _pagoda, arrivals) => {
    wire.send(ask);
    (await arrivals.next()).response.end("first");
    await wire.receives("first");
  }));
