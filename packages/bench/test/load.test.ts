import { describe, expect, test } from "vitest";
import { readLoad } from "../proxy/load.ts";

const output = `Running 2s test @ http://127.0.0.1:3000/
  Latency Distribution
     50%    1.27ms
     75%    1.50ms
     90%  900.00us
     99%    2.05s
  92000 requests in 2.00s, 20.00MB read
Requests/sec:  46000.50
Transfer/sec:      9.90MB
`;

describe("what wrk says", () => {
  test("is read, whatever unit it chose", () => {
    expect(readLoad(output)).toEqual({
      requests: 92_000,
      requestsPerSecond: 46_000.5,
      p50Ms: 1.27,
      p99Ms: 2_050,
    });
  });

  test.each(["Non-2xx or 3xx responses: 7", "Socket errors: connect 0, read 3, write 0, timeout 0"])(
    "has no rate when the output is %s",
    (line) => {
      expect(() => readLoad(`${output}  ${line}\n`)).toThrow(line);
    },
  );

  test("has no rate when nothing was answered", () => {
    expect(() => readLoad("unable to connect")).toThrow("no request was answered");
  });
});
