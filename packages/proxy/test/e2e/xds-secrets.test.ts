import { Agent, request } from "node:https";
import type { TLSSocket } from "node:tls";
import { expect, test } from "vitest";
import { authority } from "./certified.ts";
import { configured, Folder } from "./configured.ts";
import { Envoy, envoyTypes, installsEnvoy, skipWithoutEnvoy } from "./envoy.ts";
import { envoyListener } from "./envoy-routes.ts";
import { buildsGoControlPlane, GoControlPlane, type GoSnapshot, skipWithoutGo } from "./go-control-plane.ts";
import { until } from "./program.ts";

buildsGoControlPlane();
installsEnvoy();

/** TLS with a certificate of the control plane, for `envoyListener`. */
function withSecret(name: string): object {
  const secret = { name, sds_config: { ads: {}, resource_api_version: "V3" } };
  const context = {
    "@type": `${envoyTypes}.transport_sockets.tls.v3.DownstreamTlsContext`,
    common_tls_context: { tls_certificate_sds_secret_configs: [secret] },
  };
  return { transport_socket: { name: "tls", typed_config: context } };
}

const answers = (status: number): object => ({
  name: "shop",
  virtual_hosts: [
    { name: "all", domains: ["*"], routes: [{ match: { prefix: "/" }, direct_response: { status } }] },
  ],
});

/** The common name of the server's certificate, and the status. */
function ask(url: string): Promise<string> {
  return new Promise((resolve) => {
    const options = { ca: authority.ca, servername: "shop.test", agent: new Agent() };
    request(url, options, (message) => {
      const { subject } = (message.socket as TLSSocket).getPeerCertificate();
      resolve(`${String(subject?.CN)} ${message.resume().statusCode}`);
    })
      .once("error", ({ message }) => resolve(message))
      .end();
  });
}

test("a listener waits for a new secret with its last one and with the new routes, as in Envoy", async ({
  skip,
}) => {
  skipWithoutGo(skip);
  skipWithoutEnvoy(skip);
  await using plane = await new GoControlPlane().listen();
  const issued = (name: string) => authority.issue({ subject: `CN=${name}`, names: "DNS:shop.test" });
  const first = issued("first");
  const serve = (version: string, secret: string, status: number, secrets: GoSnapshot["secrets"]) =>
    plane.serve({
      version,
      clusters: {},
      listeners: [envoyListener("edge", "shop", {}, withSecret(secret))],
      routes: [answers(status)],
      secrets: secrets as NonNullable<typeof secrets>,
    });
  await serve("1", "first", 201, { first });
  using folder = new Folder();
  const control = { xds: { server: plane.url, node: { id: "test" }, listeners: true } };
  await using pagoda = await configured(folder, { control, workers: 1 });
  await using envoy = await Envoy.start(folder, plane.port, { hasListeners: true });
  const urls = [envoy.url.replace("http:", "https:"), pagoda.url];
  const both = () => Promise.all(urls.map(ask));
  const alike = (text: string) => until(both, (all) => all.every((each) => each === text));
  await alike("first 201");

  await serve("2", "late", 201, { first });
  expect(await pagoda.log('listener edge waits for secret "late"')).toMatchObject({
    listener: "edge",
    meanwhile: "serves its previous version",
  });
  await serve("3", "late", 203, { first });
  await alike("first 203");
  const renewed = issued("renewed");
  await serve("4", "late", 203, { first: renewed });
  await alike("renewed 203");
  expect((await pagoda.admin("/ready")).status).toBe(200);

  await serve("5", "late", 203, { first: renewed, late: issued("late") });
  await alike("late 203");
});
