// What inputs are made from: ordinary responses, and such as parsers have been made to disagree on.
import { seededRandom } from "@pagoda/core/testing";
import { Mutations } from "@pagoda/http/testing";

const ok = (fields: readonly string[], body = "", line = "HTTP/1.1 200 OK"): string =>
  `${[line, ...fields].join("\r\n")}\r\n\r\n${body}`;
const chunked = "Transfer-Encoding: chunked";
const hello = "5\r\nhello\r\n0\r\n\r\n";

export const corpus: readonly string[] = [
  ok(["Content-Length: 5"], "hello"),
  ok(["Date: Mon, 30 Nov 2026 20:00:00 GMT", "Server: nginx", 'ETag: "a"', "Content-Length: 5"], "hello"),
  ok([chunked], hello),
  ok([chunked, "Trailer: X-Sum"], "5;a=b\r\nhello\r\n0;c\r\nX-Sum: 1\r\nX-Other: \xe9\r\n\r\n"),
  ok([], "to the end"),
  ok(["Connection: close"], "to the end"),
  ok(["Content-Length: 0"]),
  ok(["Content-Length: 5"], "hello", "HTTP/1.0 200 OK"),
  ok(["Connection: keep-alive", "Content-Length: 5"], "hello", "HTTP/1.0 200 OK"),
  ok(["Connection: keep-alive, close", "Content-Length: 5"], "hello", "HTTP/1.0 200 OK"),
  ok([], "to the end", "HTTP/1.0 200 OK"),
  `HTTP/1.1 100 Continue\r\n\r\n${ok(["Content-Length: 5"], "hello")}`,
  `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n${ok([chunked], hello)}`,
  `HTTP/1.0 100 Continue\r\n\r\n${ok(["Content-Length: 5"], "hello")}`,
  `HTTP/1.1 103 Early Hints\r\nConnection: close\r\n\r\n${ok(["Content-Length: 5"], "hello")}`,
  ok([], "", "HTTP/1.1 204 No Content"),
  ok(['ETag: "a"', "Content-Length: 5"], "", "HTTP/1.1 304 Not Modified"),
  ok(["Content-Length: 0"], "", "HTTP/1.1 500 Internal Server Error"),
  ok(["Content-Length: 0"], "", "HTTP/1.1 200"),
  ok(["Content-Length: 0"], "", "HTTP/1.1 200 "),
  ok(["Content-Length: 0"], "", "HTTP/1.1 599 \xe4\t~"),
  ok(["Content-Length: 0"], "", "HTTP/1.1 200 O\0K"),
  ok(["Content-Length: 0"], "", "HTTP/1.1 200 O\x01\x7fK"),
  ok(["Content-Length: 0"], "", "HTTP/1.1  200 OK"),
  ok(["Content-Length: 0"], "", "HTTP/1.1 099 OK"),
  ok(["Content-Length: 0"], "", "HTTP/1.2 200 OK"),
  ok(["Content-Length: 0"], "", "http/1.1 200 OK"),
  ok(["Content-Length: 5", "Content-Length: 5"], "hello"),
  ok(["Content-Length: 5", "Content-Length: 6"], "hello"),
  ok(["Content-Length: 5, 5"], "hello"),
  ok(["Content-Length: +5"], "hello"),
  ok(["Content-Length: 5", chunked], hello),
  ok([chunked, "Content-Length: 5"], hello),
  ok([chunked, chunked], hello),
  ok(["Transfer-Encoding: gzip, chunked"], hello),
  ok(["Transfer-Encoding: gzip"], "hello"),
  ok(["Transfer-Encoding: chunked\t"], hello),
  ok([chunked], hello, "HTTP/1.0 200 OK"),
  ok(["X : y", "Content-Length: 0"]),
  ok(["X: y\r\n z", "Content-Length: 0"]),
  ok(["X: y\nContent-Length: 0"]),
  ok(["X: y\rContent-Length: 0"]),
  ok(["X: \0", "Content-Length: 0"]),
  ok([chunked], "5\r\nhelloX\r\n0\r\n\r\n"),
  ok([chunked], "5\nhello\r\n0\r\n\r\n"),
  ok([chunked], '5;a="\r\nhello\r\n0\r\n\r\n'),
  ok([chunked], "0\r\nContent-Length: 5\r\n\r\n"),
  ok([chunked], "0\r\nX : y\r\n\r\n"),
  `${ok(["Content-Length: 5"], "hello")}HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison`,
  ok(Array.from({ length: 40 }, (_each, i) => `X-${i}: ${i}`).concat("Content-Length: 1"), "a"),
];

const dictionary: readonly string[] = [
  ["\r\n", "\r\n\r\n", "\n", "\r", " ", "\t", "\0", ":", ",", ";", ";a=b", "0\r\n\r\n", "1\r\na\r\n"],
  ["HTTP/1.1 ", "HTTP/1.0 ", "HTTP/1.1 100 Continue\r\n\r\n", "200", "204", "304", "100", "101", " OK"],
  ["Content-Length: 5", "Content-Length: 0", "Content-Length:", "Transfer-Encoding: chunked", "X: y", "X:"],
  [
    "Connection: close",
    "Connection: keep-alive",
    "close",
    "keep-alive",
    "chunked",
    "Transfer-Encoding: identity",
  ],
].flat();

/** A response, and the method of its request. */
export interface Input {
  readonly method: "GET" | "HEAD";
  readonly text: string;
}

/** Makes the input of that number: the same for the same seed, whatever was made before. */
export function inputOf(seed: number, number: number): Input {
  const random = seededRandom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(number, 0x85ebca6b));
  // The first numbers of close seeds are close, too.
  random();
  const mutations = new Mutations(random, corpus, dictionary);
  const method = mutations.below(8) === 0 ? "HEAD" : "GET";
  const first = corpus[number];
  return { method, text: first ?? mutations.mutated(mutations.pick(corpus)) };
}
