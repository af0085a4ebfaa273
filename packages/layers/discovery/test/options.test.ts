import type { Discovery, Endpoint } from "@pagoda/core";
import { type Either, right } from "fp-ts/lib/Either.js";
import { describe, expect, expectTypeOf, test } from "vitest";
import {
  type DnsEndpoint,
  dnsEndpoints,
  type DnsFault,
  fileEndpoints,
  type FileFault,
  type Resolver,
  type Source,
  type SourceClosed,
  srvEndpoints,
} from "@pagoda/discovery";
import { Resolver as NodeResolver } from "node:dns/promises";

const most = 2_147_483_647;

describe("options that make no sense", () => {
  test.each([
    [{ port: 0 }, "dnsEndpoints: port is 0; valid is a whole number from 1 to 65535"],
    [{ port: 65_536 }, "port is 65536"],
    [{ port: 1.5 }, "port is 1.5"],
    [{ host: "" }, 'dnsEndpoints: host is ""; valid is a name or an address'],
    [{ scheme: "http://" }, 'dnsEndpoints: scheme is "http://"; valid is one of a URL, such as http'],
    [{ family: 5 as 4 }, "dnsEndpoints: family is 5; valid is 4, 6 or undefined"],
    [{ minTtlMs: 0 }, `dnsEndpoints: minTtlMs is 0; valid is over 0, at most ${most}`],
    [{ minTtlMs: NaN }, "minTtlMs is NaN"],
    [{ minTtlMs: 10, maxTtlMs: 9 }, `dnsEndpoints: maxTtlMs is 9; valid is from minTtlMs, 10, to ${most}`],
    [{ maxTtlMs: Infinity }, "maxTtlMs is Infinity"],
    [{ failureMs: 0 }, `dnsEndpoints: failureMs is 0; valid is over 0, at most ${most}`],
    [{ maxFailureMs: 999 }, `dnsEndpoints: maxFailureMs is 999; valid is from failureMs, 1000, to ${most}`],
    [{ timeoutMs: 0 }, `dnsEndpoints: timeoutMs is 0; valid is over 0, at most ${most}`],
    [{ emptyAfterMs: -1 }, "dnsEndpoints: emptyAfterMs is -1; valid is 0 or more"],
  ])("are refused for the addresses of a name: %o", (options, message) => {
    expect(() => dnsEndpoints({ host: "api.test", port: 80, ...options })).toThrow(RangeError);
    expect(() => dnsEndpoints({ host: "api.test", port: 80, ...options })).toThrow(message);
  });

  test("are refused for services", () => {
    expect(() => srvEndpoints({ name: "" })).toThrow('srvEndpoints: name is ""; valid is a name');
    expect(() => srvEndpoints({ name: "a", timeoutMs: 0 })).toThrow("srvEndpoints: timeoutMs is 0");
  });

  test.each([
    [{ path: "" }, 'fileEndpoints: path is ""; valid is the path of a file'],
    [{ settleMs: -1 }, `fileEndpoints: settleMs is -1; valid is 0 or more, at most ${most}`],
    [{ pollMs: 0 }, `fileEndpoints: pollMs is 0; valid is over 0, at most ${most}`],
    [{ pollMs: Infinity }, "pollMs is Infinity"],
  ])("are refused for a file: %o", (options, message) => {
    expect(() => fileEndpoints({ path: "a", ...options })).toThrow(message);
  });
});

describe("types of discovery", () => {
  interface Zoned extends Endpoint {
    readonly zone: string;
  }

  test("a source is a discovery of its endpoints, and says what can go wrong", () => {
    expectTypeOf(dnsEndpoints).returns.toEqualTypeOf<Source<DnsEndpoint, DnsFault>>();
    expectTypeOf(srvEndpoints).returns.toEqualTypeOf<Source<DnsEndpoint, DnsFault>>();
    expectTypeOf<Source<DnsEndpoint, DnsFault>>().toExtend<Discovery<DnsEndpoint>>();
    expectTypeOf<Source<DnsEndpoint, DnsFault>["started"]>().toEqualTypeOf<
      Promise<Either<DnsFault | SourceClosed, readonly DnsEndpoint[]>>
    >();
  });

  test("a file has the endpoints that its reader gives", () => {
    const plain = () => fileEndpoints({ path: "a" });
    expectTypeOf(plain).returns.toEqualTypeOf<Source<Endpoint, FileFault>>();
    const parse = (text: string): Either<readonly string[], readonly Zoned[]> =>
      right([{ key: text, zone: "n" }]);
    const zoned = () => fileEndpoints({ path: "a", parse });
    expectTypeOf(zoned).returns.toEqualTypeOf<Source<Zoned, FileFault>>();
    // @ts-expect-error: without a reader of one's own no endpoint has a zone.
    const unread = () => fileEndpoints<Zoned>({ path: "a" });
    expectTypeOf(unread).toBeFunction();
  });

  test("Node's resolver is one", () => {
    expectTypeOf<NodeResolver>().toExtend<Resolver>();
  });
});
