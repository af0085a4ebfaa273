import { left, right, systemClock } from "@pagoda/core";
import { pino } from "pino";
import { Registry } from "prom-client";
import { expect, test } from "vitest";
import type { Loaded } from "../../src/config/load.ts";
import type { AdminServer } from "../../src/control/admin-server.ts";
import type { ControlledListeners } from "../../src/control/controlled-listeners.ts";
import { Reloads, type ReloadsOptions } from "../../src/control/reloads.ts";
import type { Secrets } from "../../src/control/secrets.ts";
import type { Supervisor } from "../../src/control/supervisor.ts";
import { fileStates } from "../../src/control/watch.ts";
import { builtInPolicies } from "../../src/policies/registry.ts";
import { resolved } from "../data-plane/resolved.ts";
import { Folder } from "../e2e/configured.ts";

test("a change while a reload is being applied is not missed (defect: was)", async () => {
  using folder = new Folder();
  const file = folder.write("pagoda.yaml", "one");
  const loaded = (): Loaded =>
    ({
      ...resolved({}),
      policies: builtInPolicies,
      watched: [file],
      warnings: [],
      advice: [],
      demo: false,
    }) as never;
  const applying = Promise.withResolvers<void>();
  const again = Promise.withResolvers<void>();
  let applied = 0;
  const supervisor = {
    async apply() {
      applied++;
      if (applied === 2) {
        again.resolve();
        return right(undefined);
      }
      // The file has been read, and workers take their time.
      folder.write("pagoda.yaml", "another one");
      await applying.promise;
      return right(undefined);
    },
  } as unknown as Supervisor;
  const secrets = {
    async begin() {},
    keep() {},
    complete: (each: Loaded) => each,
  } as unknown as Secrets;
  const listeners = {
    async begin() {},
    keep() {},
    complete: (each: Loaded) => each,
  } as unknown as ControlledListeners;
  const options: ReloadsOptions = {
    load: async () => right(loaded()),
    supervisor,
    secrets,
    listeners,
    log: pino({ level: "silent" }),
    registry: new Registry(),
    clock: systemClock,
  };
  const current = loaded();
  const reloads = new Reloads(current, await fileStates(current.watched), options);
  const admin = { prepare: async () => right({ make() {}, async drop() {} }) } as unknown as AdminServer;
  await reloads.begin(admin, current);
  const first = reloads.reload("test");
  applying.resolve();
  await first;
  // Nothing else changes the file.
  await again.promise;
  reloads.close();
  expect(applied).toBe(2);
});

test("renewals that wait are one, and a defect in one keeps no reload away (defect: was)", async () => {
  let renewals = 0;
  const secrets = {
    async begin() {
      renewals++;
      throw new Error("defect");
    },
    keep() {},
    complete: (each: Loaded) => each,
  } as unknown as Secrets;
  const listeners = { keep() {}, complete: (each: Loaded) => each } as unknown as ControlledListeners;
  const loaded = { ...resolved({}), watched: [], warnings: [], advice: [] } as unknown as Loaded;
  const reloads = new Reloads(loaded, new Map(), {
    load: async () => left(["invalid"]),
    supervisor: {} as Supervisor,
    secrets,
    listeners,
    log: pino({ level: "silent" }),
    registry: new Registry(),
    clock: systemClock,
  });
  for (let n = 0; n < 1_000; n++) reloads.renew("control plane");
  await reloads.begin({} as AdminServer, loaded);
  expect(await reloads.reload("test")).toEqual(left(["invalid"]));
  reloads.renew("secret change");
  await reloads.reload("test");
  reloads.close();
  expect(renewals).toBe(2);
});
