import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { isLeft, right, service, ServiceBuilder } from "@pagoda/core";
import { compress, supportedCodings } from "@pagoda/compress";
import { decompress } from "@pagoda/decompress";
import { HttpHeaders, type HttpRequest, httpRequest, httpResponse, PushBody, text } from "@pagoda/http";
import { serve } from "@pagoda/http/server";
import { transport } from "@pagoda/transport";
import { describe, expect, onTestFinished, test } from "vitest";

const page = Array.from({ length: 20_000 }, (_, n) => `line ${Math.imul(n, 7_919)}`).join("\n");

/** A body that the test feeds. */
class Source extends PushBody {
  readonly length = undefined;

  give(content: string): void {
    this.push(Buffer.from(content));
  }

  all(trailers?: HttpHeaders): void {
    this.finish(trailers);
  }

  protected goOn(): void {}
  protected stop(): void {}
}

/** Starts a server that compresses what the test gives it. */
async function compressing(respond: (request: HttpRequest) => ReturnType<typeof text>): Promise<string> {
  const stack = new ServiceBuilder<HttpRequest>()
    .layer(compress())
    .service(service("pages", async (request) => right(respond(request))));
  const server = await serve(stack);
  if (isLeft(server)) throw server.left.cause;
  onTestFinished(() => server.right.close());
  return server.right.url;
}

describe("compress", () => {
  test.for(["--http1.1", "--http2-prior-knowledge"])(
    "sends curl --compressed %s the page",
    async (version, { skip }) => {
      skip(spawnSync("curl", ["-V"]).error !== undefined, "needs curl: apt-get install curl");
      const url = await compressing(() => text(page));
      const args = ["-q", "-sS", "--noproxy", "*", "--compressed", version, "-D", "-", url];
      const curl = spawn("curl", args, { stdio: ["ignore", "pipe", "inherit"] });
      const output: Buffer[] = [];
      curl.stdout.on("data", (chunk: Buffer) => output.push(chunk));
      await once(curl, "close");
      const [head = "", body] = Buffer.concat(output).toString().split("\r\n\r\n");
      expect(head).toMatch(/content-encoding: (?:zstd|br|gzip)/);
      expect(body === page).toBe(true);
    },
  );

  test("sends Node's fetch the page", async () => {
    const response = await fetch(await compressing(() => text(page)));
    expect(response.headers.get("content-encoding")).toMatch(/^(?:zstd|br|gzip)$/);
    expect((await response.text()) === page).toBe(true);
  });

  test.each(supportedCodings)("sends Node's fetch each event in %s at once", async (coding) => {
    const source = new Source();
    const headers = { "content-type": "text/event-stream" };
    const url = await compressing(() => ({ ...httpResponse(200, undefined, headers), body: source }));
    const asked = fetch(url, { headers: { "accept-encoding": coding } });
    source.give("data: 0\n\n");
    const response = await asked;
    expect(response.headers.get("content-encoding")).toBe(coding);
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    for (let n = 0; n < 5; n++) {
      const { value } = await reader.read();
      expect(Buffer.from(value as Uint8Array).toString()).toBe(`data: ${n}\n\n`);
      source.give(`data: ${n + 1}\n\n`);
    }
    await reader.cancel();
  });
});

test.each(supportedCodings)("decompress gets what compress sends in %s, with trailers", async (coding) => {
  const url = await compressing(() => {
    const source = new Source();
    for (let at = 0; at < page.length; at += 10_000) source.give(page.slice(at, at + 10_000));
    source.all(HttpHeaders.of({ "x-sum": "1" }));
    return {
      ...text(""),
      headers: HttpHeaders.of({ "content-type": "text/plain", trailer: "x-sum" }),
      body: source,
    };
  });
  const origin = transport(url);
  onTestFinished(() => origin.close());
  const client = new ServiceBuilder<HttpRequest>().layer(decompress()).service(origin);
  const headers = { "accept-encoding": coding, te: "trailers" };
  const result = await client.call(httpRequest(url, { headers }));
  if (isLeft(result)) throw new Error(result.left._tag);
  let trailers: HttpHeaders | undefined;
  result.right.body.observe((_complete, at) => (trailers = at));
  expect(result.right.headers.has("content-encoding")).toBe(false);
  const read = await result.right.body.text();
  expect(read._tag === "Right" && read.right === page).toBe(true);
  expect(trailers?.get("x-sum")).toBe("1");
});

describe("decompress", () => {
  test.each(supportedCodings)("gives each event in %s at once", async (coding) => {
    const source = new Source();
    const headers = { "content-type": "text/event-stream" };
    const url = await compressing(() => ({ ...httpResponse(200, undefined, headers), body: source }));
    const origin = transport(url);
    onTestFinished(() => origin.close());
    const client = new ServiceBuilder<HttpRequest>().layer(decompress()).service(origin);
    const asked = client.call(httpRequest(url, { headers: { "accept-encoding": coding } }));
    source.give("data: 0\n\n");
    const result = await asked;
    if (isLeft(result)) throw new Error(result.left._tag);
    let n = 0;
    for await (const chunk of result.right.body) {
      expect(Buffer.from(chunk).toString()).toBe(`data: ${n}\n\n`);
      if (++n === 5) break;
      source.give(`data: ${n}\n\n`);
    }
    expect(n).toBe(5);
  });

  test("gets what nginx compresses", async ({ skip }) => {
    skip(spawnSync("nginx", ["-v"]).error !== undefined, "needs nginx: apt-get install nginx");
    const url = await nginx();
    const origin = transport(url);
    onTestFinished(() => origin.close());
    let encoding: string | undefined;
    const client = new ServiceBuilder<HttpRequest>().layer(decompress()).service({
      ...origin,
      call: async (request, signal) => {
        const result = await origin.call(request, signal);
        if (result._tag === "Right") encoding = result.right.headers.get("content-encoding");
        return result;
      },
    });
    const result = await client.call(httpRequest(`${url}/page.txt`));
    if (isLeft(result)) throw new Error(result.left._tag);
    expect([encoding, result.right.headers.has("content-encoding")]).toEqual(["gzip", false]);
    const read = await result.right.body.text();
    expect(read._tag === "Right" && read.right === page).toBe(true);
    // A part is not compressed.
    const part = await client.call(httpRequest(`${url}/page.txt`, { headers: { range: "bytes=0-5" } }));
    if (isLeft(part)) throw new Error(part.left._tag);
    expect([part.right.status, await part.right.body.text()]).toEqual([206, right("line 0")]);
  });
});

/** Starts nginx, which compresses `/page.txt`, on a free port. */
async function nginx(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "pagoda-nginx-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "page.txt"), page);
  for (;;) {
    const port = await freePort();
    const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
      (name) => `${name}_temp_path ${folder}/${name};`,
    );
    const config = `daemon off; master_process off; pid ${folder}/pid; error_log stderr notice;
      events {}
      http {
        access_log off; ${paths.join(" ")}
        types { text/plain txt; }
        gzip on; gzip_min_length 20; gzip_types text/plain;
        server { listen 127.0.0.1:${port}; root ${folder}; }
      }`;
    writeFileSync(join(folder, "nginx.conf"), config);
    const child = spawn("nginx", ["-p", folder, "-c", join(folder, "nginx.conf")], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    onTestFinished(() => void child.kill());
    const lines: string[] = [];
    for await (const line of createInterface(child.stderr)) {
      lines.push(line);
      // The event loop has been chosen: the socket is open.
      if (line.includes("using the")) return `http://127.0.0.1:${port}`;
    }
    const output = lines.join("\n");
    // Another program took the port in the meantime.
    if (!output.includes("Address already in use")) throw new Error(output);
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
