// Requests as common clients send them.

/** Makes a request with a Host. */
export function request(line: string, fields: readonly string[] = [], body = ""): string {
  return `${[line, "Host: a.example", ...fields].join("\r\n")}\r\n\r\n${body}`;
}

export function post(body: string, ...fields: readonly string[]): string {
  return request("POST / HTTP/1.1", fields, body);
}

export function get(...fields: readonly string[]): string {
  return request("GET / HTTP/1.1", fields);
}

export const chunked = "Transfer-Encoding: chunked";
/** A chunked body. */
export const hello = "5\r\nhello\r\n0\r\n\r\n";

export const ordinary: readonly string[] = [
  get(),
  get("User-Agent: curl/8.11.0", "Accept: */*"),
  request("GET /search?q=a+b&c=%20 HTTP/1.1", [
    "Connection: keep-alive",
    'sec-ch-ua: "Chromium";v="130", "Not?A_Brand";v="99"',
    "sec-ch-ua-mobile: ?0",
    "Upgrade-Insecure-Requests: 1",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0",
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Sec-Fetch-Site: none",
    "Accept-Encoding: gzip, deflate, br, zstd",
    "Accept-Language: de-DE,de;q=0.9,en;q=0.8",
    "Cookie: a=b; c=d",
    'If-None-Match: W/"5e-1"',
  ]),
  request(
    "POST /form HTTP/1.1",
    ["Content-Type: application/x-www-form-urlencoded", "Content-Length: 7"],
    "a=1&b=2",
  ),
  request(
    "PUT /file HTTP/1.1",
    [chunked, "Expect: 100-continue"],
    "6\r\nhello \r\n6;a=b\r\nworld!\r\n0\r\nX-Sum: 1\r\n\r\n",
  ),
  request("HEAD / HTTP/1.1", ["Accept-Encoding: identity"]),
  request("OPTIONS * HTTP/1.1", ["Max-Forwards: 0"]),
  request("OPTIONS /cors HTTP/1.1", ["Origin: https://b", "Access-Control-Request-Method: PUT"]),
  request("DELETE /a/b/../c;p=1?d HTTP/1.1", ["Content-Length: 0"]),
  request("GET http://b.example/x HTTP/1.1", ["Proxy-Connection: keep-alive"]),
  request("OPTIONS http://b.example HTTP/1.1"),
  request("GET HTTPS://b.example:8443?q HTTP/1.1"),
  "CONNECT b.example:443 HTTP/1.1\r\nHost: b.example:443\r\nProxy-Connection: keep-alive\r\n\r\n\x16\x03\x01",
  request(
    "GET /chat HTTP/1.1",
    [
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      "Sec-WebSocket-Version: 13",
    ],
    "\x81\x05hello",
  ),
  get("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"),
  post("hello", "Connection: Upgrade", "Upgrade: websocket", "Content-Length: 5", "Sec-WebSocket-Key: a"),
  post("hello", "Connection: Upgrade", "Upgrade: other/2, third", "Content-Length: 5"),
  request(
    "POST /pkg.Svc/Do HTTP/1.1",
    ["Content-Type: application/grpc-web+proto", "X-Grpc-Web: 1", "TE: trailers", chunked],
    "5\r\n\0\0\0\0\0\r\n0\r\nGrpc-Status: 0\r\nGrpc-Message: ok\r\n\r\n",
  ),
  get(
    "X-Forwarded-For: 192.0.2.1, 198.51.100.2",
    "X-Forwarded-Proto: https",
    "Via: 1.1 proxy",
    "Forwarded: for=_a",
  ),
  "GET / HTTP/1.0\r\n\r\n",
  "GET / HTTP/1.0\r\nConnection: keep-alive\r\nHost: a\r\n\r\n",
  "POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello",
  get("Connection: close"),
  get("Connection: keep-alive, close"),
  get("Connection: x-hop, Keep-Alive", "Keep-Alive: timeout=5", "X-Hop: 1"),
  request("PROPFIND /dav HTTP/1.1", ["Depth: 1", "Content-Length: 3"], "<a>"),
  request("M-SEARCH * HTTP/1.1", ["MAN: ssdp:discover"]),
  request("QUERY /q HTTP/1.1", ["Content-Length: 2"], "{}"),
  request("MIS-CHIEF_1 / HTTP/1.1", ["Content-Length: 2"], "ab"),
  `\r\n\r\n${get()}`,
  get() + request("GET /second HTTP/1.1") + post("hello", "Content-Length: 5"),
  post(hello, chunked) + get("Connection: close"),
  get(...Array.from({ length: 40 }, (_each, i) => `X-${i}: ${i}`)),
  post("0\r\nX: y\r\nContent-MD5: z\r\n\r\n", chunked, "Trailer: X"),
  post(`${"00000005"}\r\nhello\r\n00\r\n\r\n`, chunked),
];
