import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { settled } from "@pagoda/core/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { FedBody } from "@pagoda/http/testing";
import { bareOrigin, client, faultOf, request, responseOf, untilIdle } from "./origin.ts";

const hasPython = spawnSync("python3", ["-c", "import http.server"]).status === 0;

/** Answers each POST at once without reading its body and closes, so that pending writes meet a reset. */
const server = `
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.send_response(401)
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.wfile.write(b"sorry\\n")
    def log_message(self, *args):
        pass
one = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(one.server_address[1], flush=True)
one.serve_forever()
`;

describe("an origin that answers an upload early and closes", () => {
  // Requires python3; the next test does the same by hand.
  test("defect: half of the answers of Python's http.server were lost", async ({ skip }) => {
    skip(!hasPython, "needs python3: apt-get install python3");
    const python = spawn("python3", ["-c", server], { stdio: ["ignore", "pipe", "inherit"] });
    onTestFinished(() => void python.kill());
    const [port] = (await once(createInterface(python.stdout), "line")) as [string];
    const transport = client(`http://127.0.0.1:${port}`);
    for (let n = 0; n < 100; n++) {
      const body = new FedBody();
      const result = transport.call(request("POST", "/", { body }));
      // The answer may arrive before, during or after the upload.
      for (let turn = n % 10; turn > 0; turn--) await settled();
      void body.give("hello");
      for (let turn = n % 7; turn > 0; turn--) await settled();
      body.all();
      const response = await responseOf(result);
      expect(response.status).toBe(401);
      expect(await response.body.text()).toMatchObject({ right: "sorry\n" });
    }
  });

  async function resetting(...answer: readonly string[]) {
    const origin = await bareOrigin();
    const transport = client(origin.url);
    const body = new FedBody();
    const result = transport.call(request("POST", "/", { body }));
    const { socket } = await origin.next();
    await body.give("begin");
    await once(socket, "data");
    await new Promise((resolve) => socket.write(answer.join("\r\n"), resolve));
    // From now on writes fail before anything else is read.
    socket.resetAndDestroy();
    void body.give("hello");
    return { transport, body, result };
  }

  test("has its response read before the write error", async () => {
    const { transport, body, result } = await resetting("HTTP/1.1 413 No", "Content-Length: 4", "", "long");
    const response = await responseOf(result);
    expect(response.status).toBe(413);
    expect(await response.body.text()).toMatchObject({ right: "long" });
    await body.stopped;
    await untilIdle(transport);
    expect(transport.describe().state).toMatchObject({ connections: 0 });
  });

  test("breaks the body if the response is incomplete", async () => {
    const { transport, result } = await resetting("HTTP/1.1 413 No", "Content-Length: 10", "", "long");
    expect(await (await responseOf(result)).body.text()).toMatchObject({ left: { _tag: "BodyBroken" } });
    await untilIdle(transport);
  });

  test("is ConnectionBroken if it sent nothing", async () => {
    const { transport, body, result } = await resetting("");
    const fault = await faultOf(result);
    expect(fault).toMatchObject({ _tag: "ConnectionBroken", origin: "upstream" });
    expect(["EPIPE", "ECONNRESET"]).toContain((fault as { code?: string }).code);
    await body.stopped;
    await untilIdle(transport);
  });
});
