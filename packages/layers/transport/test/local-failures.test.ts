import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";

/** Calls origins over HTTP/1.1 and HTTP/2 without free file descriptors, and prints the results. */
const script = `
  import { openSync } from "node:fs";
  import { isLocalFailure } from "@pagoda/core";
  import { httpRequest } from "@pagoda/http";
  import { transport } from "@pagoda/transport";
  const request = (method) => httpRequest("http://origin.test/", { method, body: "a" });
  const origins = ["http1", "http2"].map((protocol) => transport("http://127.0.0.1:1", { protocol }));
  // Loads lazily loaded modules now.
  await Promise.all(origins.map((origin) => origin.call(request("GET"))));
  try {
    for (;;) openSync("/dev/null");
  } catch (error) {
    if (!isLocalFailure(error)) throw error;
  }
  const results = await Promise.all(origins.map((origin) => origin.call(request("POST"))));
  process.stdout.write(JSON.stringify(results), () => process.exit(0));
`;

test("defect: a process without file descriptors blamed the origin", async () => {
  const { stdout } = await promisify(execFile)(
    "sh",
    ["-c", 'ulimit -n 128 && exec "$0" --input-type=module --eval "$1"', process.execPath, script],
    { cwd: import.meta.dirname },
  );
  const fault = { _tag: "ConnectFailed", origin: "local", retryable: true, processed: false, code: "EMFILE" };
  expect(JSON.parse(stdout)).toMatchObject([{ left: fault }, { left: fault }]);
});
