import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { virtualClock } from "@pagoda/core/testing";
import { afterEach, onTestFinished } from "vitest";
import { xdsClient, type XdsOptions, type XdsSource } from "@pagoda/xds";
import type { DeltaDiscoveryRequest, DiscoveryRequest } from "../src/generated/discovery_pb.ts";
import { cds, eds, lds, rds, ScriptedControlPlane, sds } from "@pagoda/xds/testing";

const atEnd: (() => unknown)[] = [];

export function cleanUp(): void {
  afterEach(async () => {
    for (const run of atEnd.splice(0).toReversed()) await run();
  });
}

/** A unix socket, to which a control plane can come back after it was away. */
export function socketPath(): string {
  const folder = mkdtempSync(join(tmpdir(), "xds-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, "agent.sock");
}

/**
 * A client of a scripted control plane, with the events that its observer was told.
 *
 * @param path A unix socket for the two. Default: a port.
 */
export async function connected(options: Partial<XdsOptions> = {}, path?: string) {
  const plane = await new ScriptedControlPlane(path).listen();
  const clock = virtualClock();
  const events = new Events();
  const client = xdsClient({
    server: plane.url,
    node: { id: "test" },
    clock,
    random: () => 0,
    observer: {
      connected: () => events.add("connected"),
      disconnected: (_fault, ms) => events.add(`disconnected, again in ${ms} ms`),
      accepted: ({ kind, version, used }) => events.add(`${kind} ${version} accepted: ${used}`),
      rejected: ({ kind, version, used }, problems) =>
        events.add(`${kind} ${version} rejected: ${used}; ${problems.join("; ")}`),
      missing: ({ kind, name }) => events.add(`${kind} ${name} missing`),
    },
    ...options,
  });
  atEnd.push(
    () => plane.kill(),
    () => client.close(),
  );
  return { plane, clock, client, events };
}

/** What an observer was told, in order. */
class Events {
  readonly all: string[] = [];
  #waiting: (() => void)[] = [];

  add(event: string): void {
    this.all.push(event);
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** Settles when this has happened `times` times. */
  async until(event: string | RegExp, times = 1): Promise<void> {
    const isIt = (each: string): boolean => (typeof event === "string" ? each === event : event.test(each));
    while (this.all.filter(isIt).length < times)
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}

const kinds: Readonly<Record<string, string>> = {
  [cds]: "cds",
  [eds]: "eds",
  [lds]: "lds",
  [rds]: "rds",
  [sds]: "sds",
};

/** A request in short. */
export function said(request: DeltaDiscoveryRequest | DiscoveryRequest) {
  const base = {
    type: kinds[request.typeUrl],
    ...(request.responseNonce && { nonce: request.responseNonce }),
    ...(request.errorDetail && { error: request.errorDetail.message }),
  };
  if (request.$typeName === "envoy.service.discovery.v3.DiscoveryRequest")
    return { ...base, version: request.versionInfo, names: request.resourceNames };
  const { resourceNamesSubscribe: subscribe, resourceNamesUnsubscribe: unsubscribe } = request;
  const has = request.initialResourceVersions;
  return {
    ...base,
    ...(subscribe.length > 0 && { subscribe }),
    ...(unsubscribe.length > 0 && { unsubscribe }),
    ...(Object.keys(has).length > 0 && { has }),
  };
}

export function keys(source: XdsSource): readonly string[] {
  return source.endpoints.map(({ key }) => key.replace("http://", ""));
}

/** Settles at the next change of a source. */
export function change(source: XdsSource): Promise<void> {
  return new Promise((resolve) => {
    const end = source.subscribe(() => {
      end();
      resolve();
    });
  });
}
