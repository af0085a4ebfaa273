import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { Wire } from "./client.ts";
import { Arrivals, type Origin } from "./origin.ts";
import { Pagoda } from "./program.ts";
import { curl, needs } from "./system.ts";
import { type Fields, fieldsOf, hash, large, type Seen, squeezed, versatile } from "./versatile.ts";

/** The outcome of a request, at both ends. */
interface Outcome {
  /** The exit code of curl. */
  readonly code: number | null;
  /** Status line and fields of each response, 1xx first, trailers last. */
  readonly heads: readonly {
    readonly line: string;
    readonly fields: Fields;
    readonly framing: readonly string[];
  }[];
  readonly body: string;
  readonly seen: readonly Seen[];
}

interface Case {
  /** curl's arguments; `{file}` is a file of 3 MiB. */
  readonly args: readonly string[];
  readonly path: string;
  /** The status of the last response, which shows that the origin handled the case. */
  readonly status: number;
  readonly shows?: (outcome: Outcome) => void;
}

const seen = new Arrivals<Seen>();

const upload = (outcome: Outcome): void => expect(outcome.seen.at(-1)?.body).toBe(hash(large));

const cases: Readonly<Record<string, Case>> = {
  GET: { path: "/plain?q=1&q=%20%2F", args: [], status: 200 },
  "a path with what only looks special": {
    path: "/a..b/.c/d;e=f/~g%20%2B",
    args: ["--path-as-is"],
    status: 200,
  },
  HEAD: { path: "/file", args: ["-I"], status: 200, shows: ({ body }) => expect(body).toBe("") },
  "HEAD of what has no length": { path: "/chunked", args: ["-I"], status: 200 },
  "fields with their case, order and repetitions": {
    path: "/fields",
    args: ["-H", "X-Mixed-CASE: 1", "-H", "cookie: a=b", "-H", "x-mixed-case: 2", "-H", "X-Empty;"],
    status: 200,
    shows: ({ heads, seen }) => {
      expect(
        heads
          .at(-1)
          ?.fields.map(([name]) => name)
          .slice(0, 4),
      ).toEqual(["X-Mixed-CASE", "set-cookie", "x-mixed-case", "Set-Cookie"]);
      expect(seen[0]?.fields.map(([name]) => name)).toEqual(
        expect.arrayContaining(["X-Mixed-CASE", "cookie", "x-mixed-case", "X-Empty"]),
      );
    },
  },
  "204": { path: "/204", args: [], status: 204 },
  "204 to a POST": { path: "/204", args: ["-d", "a=b"], status: 204 },
  "304 with an ETag": { path: "/304", args: ["-H", 'If-None-Match: "v1"'], status: 304 },
  "200 with an ETag": { path: "/304", args: ["-H", 'If-None-Match: "v0"'], status: 200 },
  "206 of a range": {
    path: "/file",
    args: ["-r", "10-19"],
    status: 206,
    shows: ({ body }) => expect(body).toBe(hash(Buffer.from("0123456789"))),
  },
  "206 of an open range": { path: "/file", args: ["-r", "190-"], status: 206 },
  "416 of a range that is not there": { path: "/file", args: ["-r", "1000-"], status: 416 },
  "a body of known length": {
    path: "/known-length",
    args: [],
    status: 200,
    shows: ({ body }) => expect(body).toBe(hash(large)),
  },
  "a chunked body": { path: "/chunked", args: [], status: 200 },
  "the trailers of a response": {
    path: "/trailers",
    args: ["-H", "TE: trailers", "-H", "Connection: TE"],
    status: 200,
    shows: ({ heads }) =>
      expect(heads.at(-1)?.fields).toEqual([
        ["X-Sum", "abc"],
        ["X-Count", "4"],
      ]),
  },
  "103 early hints": {
    path: "/103",
    args: [],
    status: 200,
    shows: ({ heads }) => {
      expect(heads).toHaveLength(2);
      expect(heads[0]).toMatchObject({
        line: "HTTP/1.1 103 Early Hints",
        fields: [["Link", "</a.css>; rel=preload"]],
      });
    },
  },
  "content that is gzipped": {
    path: "/gzip",
    args: [],
    status: 200,
    shows: ({ body }) => expect(body).toBe(hash(squeezed)),
  },
  "content that curl unpacks": { path: "/gzip", args: ["--compressed"], status: 200 },
  "a status of one's own with a reason of one's own": {
    path: "/299",
    args: [],
    status: 299,
    shows: ({ heads }) => expect(heads[0]?.line).toBe("HTTP/1.1 299 Quite All Right"),
  },
  "the highest status": { path: "/599", args: [], status: 599 },
  "a redirect that is followed": { path: "/redirect", args: ["-L"], status: 200 },
  "POST of a form": { path: "/echo", args: ["-d", "a=1&b=2"], status: 200 },
  "POST of a file": {
    path: "/echo",
    args: ["-H", "Expect:", "--data-binary", "@{file}"],
    status: 200,
    shows: upload,
  },
  "an empty POST": { path: "/echo", args: ["-X", "POST", "-d", ""], status: 200 },
  "an empty PUT": { path: "/echo", args: ["-X", "PUT", "-H", "Content-Length: 0"], status: 200 },
  "PUT of a file": { path: "/echo", args: ["-H", "Expect:", "-T", "{file}"], status: 200, shows: upload },
  "PUT from standard input, chunked": {
    path: "/echo",
    args: ["-H", "Expect:", "-T", "-"],
    status: 200,
    shows: (outcome) => {
      upload(outcome);
      expect(outcome.seen[0]?.framing).toContain("transfer-encoding: chunked");
    },
  },
  "DELETE with a body": { path: "/echo", args: ["-X", "DELETE", "-d", "which"], status: 200 },
  "DELETE without a body": { path: "/echo", args: ["-X", "DELETE"], status: 200 },
  "GET with a body": { path: "/echo", args: ["-X", "GET", "-d", "what"], status: 200 },
  PATCH: { path: "/echo", args: ["-X", "PATCH", "-d", "{}"], status: 200 },
  "a method that few know": { path: "/echo", args: ["-X", "REPORT"], status: 200 },
  "OPTIONS of a path": { path: "/echo", args: ["-X", "OPTIONS"], status: 200 },
  "OPTIONS *": { path: "/", args: ["-X", "OPTIONS", "--request-target", "*"], status: 200 },
  "Expect: 100-continue, which the origin answers with 100": {
    path: "/echo",
    args: ["-H", "Expect: 100-continue", "-T", "{file}"],
    status: 200,
    shows: (outcome) => {
      upload(outcome);
      expect(outcome.heads.map(({ line }) => line)).toEqual(["HTTP/1.1 100 Continue", "HTTP/1.1 200 OK"]);
    },
  },
  "Expect: 100-continue with a chunked body": {
    path: "/echo",
    args: ["-H", "Expect: 100-continue", "-T", "-"],
    status: 200,
    shows: (outcome) => {
      upload(outcome);
      expect(outcome.heads).toHaveLength(2);
    },
  },
  "Expect: 100-continue, which the origin refuses before the body": {
    path: "/refuses-upload",
    args: ["-H", "Expect: 100-continue", "-T", "{file}"],
    status: 417,
    shows: ({ heads }) => expect(heads[0]?.line).toBe("HTTP/1.1 417 Expectation Failed"),
  },
};

describe("curl gets the same through the proxy as without it:", () => {
  let folder: string;
  let origin: Origin;
  let pagoda: Pagoda;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "pagoda-sameness-"));
    writeFileSync(join(folder, "large"), large);
    origin = await versatile(seen);
    pagoda = await Pagoda.start({ PROXY_UPSTREAM_ADDRS: origin.url });
    return async () => {
      await pagoda[Symbol.asyncDispose]();
      await origin[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true });
    };
  });
  needs("curl");

  async function ask(url: string, { path, args }: Case): Promise<Outcome> {
    const [head, body] = [join(folder, "head"), join(folder, "body")];
    const files = args.map((arg) => arg.replace("{file}", join(folder, "large")));
    const before = seen.count;
    writeFileSync(body, "");
    const { code } = await curl(["-D", head, "-o", body, "-H", "Host: shop.example", ...files, url + path], {
      input: args.includes("-") ? large : undefined,
    });
    const bytes = readFileSync(body);
    return {
      code,
      heads: heads(readFileSync(head, "latin1"), bytes.length),
      body: args.includes("-I") ? "" : hash(bytes),
      seen: await seen.take(seen.count - before),
    };
  }

  test.each(Object.entries(cases))("%s", async (_name, one) => {
    const direct = await ask(origin.url, one);
    const proxied = await ask(pagoda.url, one);
    const statuses = direct.heads.flatMap(({ line }) => (line === "" ? [] : [Number(line.split(" ")[1])]));
    expect(statuses.at(-1)).toBe(one.status);
    one.shows?.(direct);
    expect(proxied).toEqual(direct);
  });

  test("the trailers of a request", async () => {
    const request =
      "POST /echo HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n" +
      "Trailer: X-Sum\r\n\r\n4\r\nbody\r\n0\r\nX-Sum: abc\r\n\r\n";
    const ask = async (url: string): Promise<Seen> => {
      using wire = new Wire(url);
      wire.send(request);
      await wire.closed;
      expect(wire.text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
      return seen.next();
    };
    const direct = await ask(origin.url);
    expect(direct).toMatchObject({ trailers: ["X-Sum", "abc"], body: hash(Buffer.from("body")) });
    expect(await ask(pagoda.url)).toEqual(direct);
  });

  test("without leaving a call in flight", async () => {
    const { text } = await pagoda.admin("/stack");
    const inFlight = [...text.matchAll(/"(?:inFlight|pending)":(\d+)/g)].map(([, calls]) => calls);
    expect(inFlight).not.toHaveLength(0);
    expect(new Set(inFlight)).toEqual(new Set(["0"]));
  });
});

/** The heads dumped by curl: of each response, and the trailers. */
function heads(dump: string, bodyBytes: number): Outcome["heads"] {
  // A chunked body that is complete with the head may be sent with its length.
  const whole = dump.replaceAll(/^transfer-encoding: chunked/gim, `content-length: ${bodyBytes}`);
  const blocks = whole.split("\r\n\r\n").filter((block) => block !== "");
  return blocks.map((block) => {
    const [first = "", ...rest] = block.split("\r\n").filter((line) => line !== "");
    const status = first.startsWith("HTTP/");
    const lines = status ? rest : [first, ...rest];
    const raw = lines.map((line) => line.split(/:[ ]?(.*)/s, 2) as [string, string]);
    return Object.assign(fieldsOf(raw), { line: status ? first : "" });
  });
}
