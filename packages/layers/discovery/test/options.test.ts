import {
  type Discovery,
  type Either,
  type Endpoint,
  type EndpointSource,
  right,
  type SourceClosed,
} from "@pagoda/core";
import { describe, expect, expectTypeOf, test } from "vitest";
import {
  type DnsEndpoint,
  dnsEndpoints,
  type DnsFault,
  fileEndpoints,
  type FileFault,
  type Resolver,
  srvEndpoints,
} from "@pagoda/discovery";
import { Resolver as NodeResolver } from "node:dns/promises";

const most = 2_147_483_647;

describe("invalid options", () => {
  test.each([
    [{ port: 0 }, "dnsEndpoints: port must be an integer from 1 to 65535 (got 0)"],
    [{ port: 65_536 }, "dnsEndpoints: port must be an integer from 1 to 65535 (got 65536)"],
    [{ port: 1.5 }, "dnsEndpoints: port must be an integer from 1 to 65535 (got 1.5)"],
    [{ host: "" }, 'dnsEndpoints: host must be a name or an address (got "")'],
    [{ scheme: "http://" }, 'dnsEndpoints: scheme must be the scheme of a URL, such as http (got "http://")'],
    [{ family: 5 as 4 }, "dnsEndpoints: family must be 4, 6 or undefined (got 5)"],
    [{ minTtlMs: 0 }, `dnsEndpoints: minTtlMs must be a number above 0 and at most ${most} (got 0)`],
    [{ minTtlMs: NaN }, "dnsEndpoints: minTtlMs must be a number above 0 and at most 2147483647 (got NaN)"],
    [
      { minTtlMs: 10, maxTtlMs: 9 },
      `dnsEndpoints: maxTtlMs must be a number from minTtlMs (10) to ${most} (got 9)`,
    ],
    [
      { maxTtlMs: Infinity },
      "dnsEndpoints: maxTtlMs must be a number from minTtlMs (1000) to 2147483647 (got Infinity)",
    ],
    [{ failureMs: 0 }, `dnsEndpoints: failureMs must be a number above 0 and at most ${most} (got 0)`],
    [
      { maxFailureMs: 999 },
      `dnsEndpoints: maxFailureMs must be a number from failureMs (1000) to ${most} (got 999)`,
    ],
    [{ timeoutMs: 0 }, `dnsEndpoints: timeoutMs must be a number above 0 and at most ${most} (got 0)`],
    [{ emptyAfterMs: -1 }, "dnsEndpoints: emptyAfterMs must be a number of at least 0, or Infinity (got -1)"],
  ])("of dnsEndpoints are rejected: %o", (options, message) => {
    expect(() => dnsEndpoints({ host: "api.test", port: 80, ...options })).toThrow(RangeError);
    expect(() => dnsEndpoints({ host: "api.test", port: 80, ...options })).toThrow(message);
  });

  test("of srvEndpoints are rejected", () => {
    expect(() => srvEndpoints({ name: "" })).toThrow(
      'srvEndpoints: name must be the name of a service (got "")',
    );
    expect(() => srvEndpoints({ name: "a", timeoutMs: 0 })).toThrow(
      "srvEndpoints: timeoutMs must be a number above 0 and at most 2147483647 (got 0)",
    );
  });

  test.each([
    [{ path: "" }, 'fileEndpoints: path must be the path of a file (got "")'],
    [{ settleMs: -1 }, `fileEndpoints: settleMs must be a number from 0 to ${most} (got -1)`],
    [{ pollMs: 0 }, `fileEndpoints: pollMs must be a number above 0 and at most ${most} (got 0)`],
    [
      { pollMs: Infinity },
      "fileEndpoints: pollMs must be a number above 0 and at most 2147483647 (got Infinity)",
    ],
  ])("of fileEndpoints are rejected: %o", (options, message) => {
    expect(() => fileEndpoints({ path: "a", ...options })).toThrow(message);
  });
});

describe("types of discovery", () => {
  interface Zoned extends Endpoint {
    readonly zone: string;
  }

  test("a source is a discovery of its endpoints and its faults", () => {
    expectTypeOf(dnsEndpoints).returns.toEqualTypeOf<EndpointSource<DnsEndpoint, DnsFault>>();
    expectTypeOf(srvEndpoints).returns.toEqualTypeOf<EndpointSource<DnsEndpoint, DnsFault>>();
    expectTypeOf<EndpointSource<DnsEndpoint, DnsFault>>().toExtend<Discovery<DnsEndpoint>>();
    expectTypeOf<EndpointSource<DnsEndpoint, DnsFault>["started"]>().toEqualTypeOf<
      Promise<Either<DnsFault | SourceClosed, readonly DnsEndpoint[]>>
    >();
  });

  test("fileEndpoints has the endpoints of its parser", () => {
    const plain = () => fileEndpoints({ path: "a" });
    expectTypeOf(plain).returns.toEqualTypeOf<EndpointSource<Endpoint, FileFault>>();
    const parse = (text: string): Either<readonly string[], readonly Zoned[]> =>
      right([{ key: text, zone: "n" }]);
    const zoned = () => fileEndpoints({ path: "a", parse });
    expectTypeOf(zoned).returns.toEqualTypeOf<EndpointSource<Zoned, FileFault>>();
    // @ts-expect-error: without a custom parser, endpoints have no zone.
    const unread = () => fileEndpoints<Zoned>({ path: "a" });
    expectTypeOf(unread).toBeFunction();
  });

  test("Node's resolver is a Resolver", () => {
    expectTypeOf<NodeResolver>().toExtend<Resolver>();
  });
});
