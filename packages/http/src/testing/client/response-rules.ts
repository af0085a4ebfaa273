import assert from "node:assert/strict";
import { right } from "@pagoda/core";
import type { HttpHeaders } from "../../headers.ts";
import type { HttpResponse } from "../../message.ts";
import { type ClientBench, ok, requestTo, responseOf, textOf } from "./client-bench.ts";
import type { ClientRule } from "./client-rule.ts";

export function trailersOf({ body }: HttpResponse): Promise<HttpHeaders> {
  return new Promise((resolve, reject) => {
    body.pipe({ write: () => true, end: resolve, fail: (fault) => reject(fault.cause) });
  });
}

/** Responses as they reach the caller. */
export const responseRules: readonly ClientRule[] = [
  {
    name: "response fields keep their order, case, repetitions and bytes",
    async run(bench) {
      const fields = ["Set-Cookie: a=1", "X-y: \xe9\xff", "set-cookie: b=2", "X-Empty:", "Content-Length: 0"];
      const { result } = await bench.answered(["HTTP/1.1 299 Very well", ...fields, "", ""]);
      const { status, statusText, headers } = await responseOf(result);
      assert.deepEqual([status, statusText], [299, "Very well"]);
      const pairs = fields.flatMap((line) => line.split(/: ?/));
      assert.deepEqual(headers.raw, pairs);
    },
  },
  {
    name: "response fields split across packets are joined",
    async run(bench) {
      const { result, connection } = await bench.ask();
      await connection.sayAll("HTTP/1.1 200 OK", "X-One: 1", "X-Tw");
      connection.say("o: 2", "Content-Length: 0", "", "");
      const { headers } = await responseOf(result);
      assert.deepEqual(headers.raw, ["X-One", "1", "X-Two", "2", "Content-Length", "0"]);
    },
  },
  ...(
    [
      ["HEAD", "200 OK", "12"],
      ["GET", "304 Not Modified", "12"],
      ["GET", "204 No Content", undefined],
    ] as const
  ).map(([method, status, length]) => ({
    name: `a response to ${method} with ${status} has no body, whatever its length`,
    async run(bench: ClientBench) {
      const announced = length === undefined ? [] : [`Content-Length: ${length}`];
      const lines = [`HTTP/1.1 ${status}`, ...announced, "", ""];
      const { result } = await bench.answered(lines, requestTo(method));
      const response = await responseOf(result);
      assert.equal(response.status, Number.parseInt(status, 10));
      assert.equal(response.headers.get("content-length"), length);
      assert.equal(response.body.length, undefined);
      assert.deepEqual(await response.body.text(), right(""));
    },
  })),
  {
    name: "a body with a Content-Length has that length",
    async run(bench) {
      const lines = [
        "HTTP/1.1 206 Partial Content",
        "Content-Range: bytes 1-3/9",
        "Content-Length: 3",
        "",
        "ell",
      ];
      const { status, headers, body } = await responseOf((await bench.answered(lines)).result);
      assert.deepEqual([status, headers.get("content-range"), body.length], [206, "bytes 1-3/9", 3]);
      assert.deepEqual(await body.text(), right("ell"));
    },
  },
  {
    name: "a chunked body has no length, and trailers follow it",
    async run(bench) {
      const chunks = ["2", "ab", "1;x=y", "c", "0", "X-Sum: 3", "", ""];
      const lines = ["HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "", ...chunks];
      const response = await responseOf((await bench.answered(lines)).result);
      assert.equal(response.body.length, undefined);
      assert.deepEqual((await trailersOf(response)).raw, ["X-Sum", "3"]);
    },
  },
  {
    name: "a body can end with its connection",
    async run(bench) {
      const { result, connection } = await bench.answered(["HTTP/1.1 200 OK", "", "to the end"]);
      connection.socket.end();
      assert.equal(await textOf(result), "to the end");
    },
  },
  {
    name: "1xx responses reach onInformation",
    async run(bench) {
      const seen: unknown[] = [];
      const request = {
        ...requestTo(),
        onInformation: (status: number, { raw }: HttpHeaders) => seen.push([status, raw]),
      };
      const lines = ["HTTP/1.1 103 Early Hints", "Link: </a.css>", "", ...ok];
      assert.equal(await textOf((await bench.answered(lines, request)).result), "ok");
      assert.deepEqual(seen, [[103, ["Link", "</a.css>"]]]);
    },
  },
  {
    name: "an onInformation that throws rejects the call and closes the connection",
    async run(bench) {
      const mistake = new Error("a mistake");
      const request = {
        ...requestTo(),
        onInformation() {
          throw mistake;
        },
      };
      const { result, connection } = await bench.ask(request);
      const rejected = assert.rejects(result, mistake);
      connection.say("HTTP/1.1 103 Early Hints", "", "");
      await rejected;
      await connection.closed;
    },
  },
  ...(
    [
      ["is kept", "Fine, thanks", "Fine, thanks"],
      ["may be empty", "", ""],
    ] as const
  ).map(([what, phrase, expected]) => ({
    name: `a reason phrase ${what}`,
    async run(bench: ClientBench) {
      const { result } = await bench.answered([`HTTP/1.1 200 ${phrase}`, "Content-Length: 0", "", ""]);
      assert.equal((await responseOf(result)).statusText, expected);
    },
  })),
];
