import { fileURLToPath } from "node:url";
import { isLeft } from "@pagoda/core";
import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";
import { startProxy } from "../../src/index.ts";
import { anywhere, Folder, says } from "./configured.ts";

const code = { args: [fileURLToPath(new URL("telling-worker.ts", import.meta.url))] };
const jwt = { issuers: [{ issuer: "us", audiences: "any", jwks: { file: "keys.json" } }] };

test("a worker gets the keys of a policy, and not the token of the admin endpoint", async () => {
  using folder = new Folder();
  folder.write("admin.token", "0123456789abcdef0123456789abcdef");
  folder.write("keys.json", {
    keys: [{ kty: "OKP", crv: "Ed25519", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }],
  });
  const file = folder.write("pagoda.yaml", {
    workers: 1,
    listeners: [{ ...anywhere, policies: { jwt }, routes: [says("yes")] }],
    admin: { address: "127.0.0.1:0", tokenFile: "admin.token" },
  });
  const told = Promise.withResolvers<string>();
  const write = (line: string): void => {
    const { msg } = JSON.parse(line) as { readonly msg: string };
    if (msg.startsWith("files: ")) told.resolve(msg);
  };
  const started = await startProxy({ file, code, log: () => pino({}, { write }) });
  if (isLeft(started)) throw new Error(JSON.stringify(started.left));
  onTestFinished(async () => void (await started.right.drain()));
  expect(await told.promise).toBe("files: keys.json");
});
