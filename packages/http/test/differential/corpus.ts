// What inputs are made from.
import { hostile } from "./hostile.ts";
import { ordinary } from "./ordinary.ts";

/** Whole requests. */
export const corpus: readonly string[] = [...ordinary, ...hostile];

/** What mutations insert. */
export const dictionary: readonly string[] = [
  ["GET", "POST", "HEAD", "CONNECT", "OPTIONS", "PRI", "SOURCE", "FOO", "M-SEARCH", "get"],
  ["/", "*", "/a?b", "http://b", "https://b/", "b:80", "#", "?", "//", "\\", "%00"],
  [" HTTP/1.1", " HTTP/1.0", " HTTP/1.2", " HTTP/0.9", " HTTP/2.0", " http/1.1", " RTSP/1.0", " ICE/1.0"],
  ["\r\n", "\r\n\r\n", "\n", "\r", "\n\n", "\r\n ", "\r\n\t", " ", "\t", "  ", "\0", "\x0b", "\x0c", "\xa0"],
  ["Host: b", "Host:", "Content-Length: 5", "Content-Length: 0", "Content-Length: 1", "Content-Length:"],
  ["Transfer-Encoding: chunked", "Transfer-Encoding: gzip", "Transfer-Encoding: chunked, chunked"],
  ["Connection: close", "Connection: keep-alive", "Connection: upgrade", "Connection: close, keep-alive"],
  ["Upgrade: websocket", "Upgrade: h2c", "Sec-WebSocket-Key: a", "Expect: 100-continue", "TE: trailers"],
  ["Trailer: X", "Proxy-Connection: close", "Keep-Alive: timeout=5", "X: y", "X:", ": ", ":", " :", ","],
  [";", ";a", ";a=b", ';a="b"', '"', "=", "0\r\n\r\n", "0\r\n", "1\r\na\r\n", "5\r\nhello\r\n", "f", "00"],
  [
    "close",
    "keep-alive",
    "upgrade",
    "websocket",
    "chunked",
    "identity",
    "chunked ",
    "\tchunked",
    "100-continue",
  ],
  ["GET / HTTP/1.1\r\nHost: a\r\n\r\n", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx"],
].flat();

/** Parts from which other requests are composed. */
export const parts = {
  lines: corpus.map((text) => text.slice(0, Math.max(0, text.indexOf("\r\n")))),
  fields: [
    ...new Set(corpus.flatMap((text) => text.split("\r\n\r\n", 1)[0]?.split("\r\n").slice(1) ?? [])),
  ].filter((field) => field.length < 200),
  bodies: [
    ...new Set(
      corpus.map((text) => text.slice(text.indexOf("\r\n\r\n") + 4)).filter((body) => body.length < 200),
    ),
  ],
} as const;
