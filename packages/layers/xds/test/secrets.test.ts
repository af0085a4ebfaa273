import { create } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { isLeft } from "@pagoda/core";
import type { Secret, SecretSource } from "@pagoda/xds";
import {
  type AnyResource,
  assignment,
  authoritiesSecret,
  certificateSecret,
  changes,
  cluster,
  world,
} from "@pagoda/xds/testing";
import { describe, expect, test } from "vitest";
import { SecretSchema } from "../src/generated/secret_pb.ts";
import { secretOf } from "../src/secret.ts";
import { cleanUp, connected, keys, said, socketPath } from "./harness.ts";

cleanUp();

const web = certificateSecret("web", { certificate: "chain", key: "private" });
const expected: Secret = { type: "certificate", certificate: "chain", key: "private" };

/** Settles when this holds, now or after a change. */
async function until(source: SecretSource, holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise<void>((resolve) => source.subscribe(resolve));
}

describe.each(["delta", "sotw"] as const)("secrets, %s", (protocol) => {
  const answer = (version: string, ...messages: readonly AnyResource[]): never =>
    (protocol === "delta" ? changes(version, messages) : world(version, messages)) as never;

  test("come from an agent on a unix socket, with their changes", async () => {
    const { plane, client, events } = await connected({ protocol, service: "sds" }, socketPath());
    expect(plane.url).toMatch(/^unix:\/\/\/.+\/agent\.sock$/);
    const source = client.secret("web");
    const stream = await plane[protocol].next();
    expect(said(await stream.next())).toMatchObject({ type: "sds" });
    stream.send(answer("1", web));
    expect(isLeft(await source.started)).toBe(false);
    expect(source.secret).toEqual(expected);
    expect(source.version).toBe("1");
    expect(said(await stream.next())).toMatchObject({ type: "sds", nonce: "n1" });
    stream.send(answer("2", certificateSecret("web", { certificate: "chain", key: "next" })));
    await until(source, () => source.version === "2");
    expect(source.secret).toEqual({ ...expected, key: "next" });
    expect(events.all).toEqual(["connected", "sds 1 accepted: 1", "sds 2 accepted: 1"]);
    expect(client.versions).toEqual({ cds: "", eds: "", sds: "2" });
  });

  test("share the stream of clusters and endpoints", async () => {
    const { plane, client } = await connected({ protocol });
    const [endpoints, ca] = [client.endpoints("shop"), client.secret("mesh")];
    const stream = await plane[protocol].next();
    expect([said(await stream.next()).type, said(await stream.next()).type]).toEqual(["cds", "sds"]);
    stream.send(answer("1", authoritiesSecret("mesh", "roots")));
    stream.send(answer("2", cluster("shop")));
    stream.send(answer("3", assignment("shop", "10.0.0.7:80")));
    await Promise.all([endpoints.started, ca.started]);
    expect(ca.secret).toEqual({ type: "authorities", ca: "roots" });
    expect(keys(endpoints)).toEqual(["10.0.0.7:80"]);
  });

  test("one that its user cannot use is rejected with the reason, and the last one is kept", async () => {
    const { plane, client, events } = await connected({ protocol, service: "sds" });
    const source = client.secret("web", (secret) =>
      secret.type === "certificate" && secret.key === "bad" ? ["private_key is not the key"] : [],
    );
    const stream = await plane[protocol].next();
    await stream.next();
    stream.send(answer("1", web));
    await source.started;
    await stream.next();
    stream.send(answer("2", certificateSecret("web", { certificate: "chain", key: "bad" })));
    const problem = 'sds "web": private_key is not the key';
    expect(said(await stream.next())).toMatchObject({ nonce: "n2", error: problem });
    expect(source.secret).toEqual(expected);
    expect(source.lastError).toBe('sds "web" rejected: private_key is not the key');
    expect(events.all.at(-1)).toBe(`sds 2 rejected: 0; ${problem}`);
    stream.send(answer("3", web));
    await until(source, () => source.lastError === undefined);
    expect(source.version).toBe("3");
  });

  test("the last one is kept while the agent is away, and asked for again", async () => {
    const { plane, client, clock, events } = await connected({ protocol, service: "sds" }, socketPath());
    const source = client.secret("web");
    const stream = await plane[protocol].next();
    await stream.next();
    stream.send(answer("1", web));
    await source.started;
    await plane.kill();
    await events.until("disconnected, again in 500 ms");
    expect(source.secret).toEqual(expected);
    expect(source.lastError).toMatch(/^control plane disconnected: /);
    await plane.listen();
    await clock.advance(500);
    const again = await plane[protocol].next();
    await again.next();
    again.send(answer("2", certificateSecret("web", { certificate: "other", key: "private" })));
    await until(source, () => source.version === "2");
    expect(source.secret).toEqual({ ...expected, certificate: "other" });
    expect(source.lastError).toBeUndefined();
  });

  test("one that does not come within 15 s is missing, until it comes", async () => {
    const { plane, client, clock, events } = await connected({ protocol, service: "sds" });
    const source = client.secret("web");
    const stream = await plane[protocol].next();
    await stream.next();
    await clock.advance(15_000);
    expect(await source.started).toMatchObject({ left: { _tag: "ResourceMissing", kind: "sds" } });
    expect(source.secret).toBeUndefined();
    stream.send(answer("1", web));
    await until(source, () => source.secret !== undefined);
    expect(source.lastError).toBeUndefined();
    expect(events.all).toContain("sds web missing");
  });
});

test("a secret that is removed stays", async () => {
  const { plane, client, events } = await connected({ service: "sds" });
  const source = client.secret("web");
  const stream = await plane.delta.next();
  await stream.next();
  stream.send(changes("1", [web]));
  await source.started;
  const { typeUrl } = anyPack(SecretSchema, web);
  stream.send(changes("2", [], { removed: ["web"], url: typeUrl }));
  await events.until("sds 2 accepted: 0");
  expect(source.secret).toEqual(expected);
});

test("users of one secret have it from one request, each with its own check", async () => {
  const { plane, client } = await connected({ service: "sds" });
  const source = client.secret("web");
  const stream = await plane.delta.next();
  await stream.next();
  stream.send(changes("1", [web]));
  await source.started;
  await stream.next();
  const [same, picky] = [client.secret("web"), client.secret("web", () => ["must be authorities"])];
  expect(same.secret).toEqual(expected);
  expect(picky.secret).toBeUndefined();
  expect(picky.lastError).toBe('sds "web" rejected: must be authorities');
  for (const one of [source, same, picky]) one.close();
  expect(said(await stream.next())).toEqual({ type: "sds", unsubscribe: ["web"] });
});

test("an agent that serves secrets alone has no endpoints", async () => {
  const { client } = await connected({ service: "sds" });
  expect(() => client.endpoints("shop")).toThrow('xdsClient: service must be ads for endpoints (got "sds")');
});

describe("a secret is rejected, without its contents in the reason", () => {
  const text = (value: string) => ({ specifier: { case: "inlineString" as const, value } });
  const unknown = (no: number) => ({ $unknown: [{ no, wireType: 2, data: Uint8Array.of(0) }] });

  test.each([
    ["type must be tls_certificate or validation_context (missing)", {}],
    [
      'type must be tls_certificate or validation_context (got "session_ticket_keys")',
      { type: { case: "sessionTicketKeys", value: new Uint8Array() } },
    ],
    [
      'type must be tls_certificate or validation_context (got "generic_secret")',
      { type: { case: "genericSecret", value: new Uint8Array() } },
    ],
    [
      'tls_certificate.private_key must be inline_bytes or inline_string (got "filename")',
      {
        type: {
          case: "tlsCertificate",
          value: {
            certificateChain: text("a"),
            privateKey: { specifier: { case: "filename", value: "/etc/key" } },
          },
        },
      },
    ],
    [
      "tls_certificate.certificate_chain must be inline_bytes or inline_string (missing)",
      { type: { case: "tlsCertificate", value: { privateKey: text("b") } } },
    ],
    [
      "validation_context.trusted_ca must be inline_bytes or inline_string (missing)",
      { type: { case: "validationContext", value: {} } },
    ],
  ])("%s", (problem, settings) => {
    expect(secretOf(create(SecretSchema, { name: "web", ...settings } as object))).toEqual({
      _tag: "Left",
      left: [problem],
    });
  });

  test.each([
    ["tls_certificate.password must be absent", "tlsCertificate", 3],
    ["tls_certificate.field 99 is not known", "tlsCertificate", 99],
    ["validation_context.crl must be absent", "validationContext", 7],
    ["validation_context.custom_validator_config must be absent", "validationContext", 12],
  ])("%s", (problem, kind, no) => {
    const value = {
      certificateChain: text("a"),
      privateKey: text("private"),
      trustedCa: text("c"),
    };
    const secret = create(SecretSchema, { name: "web", type: { case: kind, value } } as object);
    Object.assign(secret.type.value as object, unknown(no));
    expect(secretOf(secret)).toEqual({ _tag: "Left", left: [problem] });
  });
});
