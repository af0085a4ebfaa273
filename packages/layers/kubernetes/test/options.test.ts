import type { Discovery, Either, EndpointSource, SourceClosed } from "@pagoda/core";
import { describe, expect, expectTypeOf, test } from "vitest";
import {
  apiServer,
  type KubernetesEndpoint,
  kubernetesEndpoints,
  type KubernetesEndpointsOptions,
  type KubernetesFault,
  type KubernetesSource,
} from "@pagoda/kubernetes";

const most = 2_147_483_647;
const server = { origin: "https://10.0.0.1:443", tokenFile: "token", caFile: "ca.crt" };
const shop = { namespace: "default", service: "shop", port: "http", server };

describe("invalid options", () => {
  test.each<[Partial<KubernetesEndpointsOptions>, string]>([
    [{ namespace: "" }, 'namespace must be the name of a namespace (got "")'],
    [{ namespace: "a/b" }, 'namespace must be the name of a namespace (got "a/b")'],
    [{ service: "Shop" }, 'service must be the name of a service (got "Shop")'],
    [{ service: "a".repeat(64) }, "service must be the name of a service"],
    [{ port: "" }, 'port must be the name of a port, or a number (got "")'],
    [{ port: 0 }, "port must be an integer from 1 to 65535 (got 0)"],
    [{ scheme: "http:" }, 'scheme must be the scheme of a URL, such as http (got "http:")'],
    [{ family: 5 as 4 }, "family must be 4, 6 or undefined (got 5)"],
    [
      { server: { ...server, origin: "http://10.0.0.1" } },
      'server.origin must be https://HOST:PORT (got "http://10.0.0.1")',
    ],
    [{ server: { ...server, origin: "https://a/b" } }, "server.origin must be https://HOST:PORT"],
    [{ server: { ...server, origin: "10.0.0.1:443" } }, "server.origin must be https://HOST:PORT"],
    [{ timeoutMs: 0 }, `timeoutMs must be a number above 0 and at most ${most} (got 0)`],
    [{ watchMs: 999 }, `watchMs must be a number from 1000 to ${most} (got 999)`],
    [{ failureMs: 0 }, `failureMs must be a number above 0 and at most ${most} (got 0)`],
    [{ maxFailureMs: 999 }, `maxFailureMs must be a number from failureMs (1000) to ${most} (got 999)`],
  ])("are rejected: %o", (options, message) => {
    expect(() => kubernetesEndpoints({ ...shop, ...options })).toThrow(RangeError);
    expect(() => kubernetesEndpoints({ ...shop, ...options })).toThrow(`kubernetesEndpoints: ${message}`);
  });

  test("include an absent API server outside a cluster", () => {
    const { server: _, ...outside } = shop;
    expect(() => kubernetesEndpoints(outside)).toThrow(
      "kubernetesEndpoints: server must be an API server outside a Kubernetes cluster (missing)",
    );
  });
});

describe("the API server of a pod", () => {
  const mount = "/var/run/secrets/kubernetes.io/serviceaccount";
  test.each([
    [{ KUBERNETES_SERVICE_HOST: "10.96.0.1", KUBERNETES_SERVICE_PORT: "6443" }, "https://10.96.0.1:6443"],
    [{ KUBERNETES_SERVICE_HOST: "10.96.0.1" }, "https://10.96.0.1:443"],
    [{ KUBERNETES_SERVICE_HOST: "fd00::1", KUBERNETES_SERVICE_PORT: "443" }, "https://[fd00::1]:443"],
  ])("is that of %j", (env, origin) => {
    expect(apiServer(env)).toEqual({ origin, tokenFile: `${mount}/token`, caFile: `${mount}/ca.crt` });
  });

  test("is unknown outside a cluster", () => {
    expect(apiServer({})).toBeUndefined();
    expect(apiServer({ KUBERNETES_SERVICE_HOST: "" })).toBeUndefined();
  });
});

test("types", () => {
  expectTypeOf(kubernetesEndpoints).returns.toEqualTypeOf<KubernetesSource>();
  expectTypeOf<KubernetesSource>().toExtend<EndpointSource<KubernetesEndpoint, KubernetesFault>>();
  expectTypeOf<KubernetesSource>().toExtend<Discovery<KubernetesEndpoint>>();
  expectTypeOf<KubernetesSource["started"]>().toEqualTypeOf<
    Promise<Either<KubernetesFault | SourceClosed, readonly KubernetesEndpoint[]>>
  >();
});
