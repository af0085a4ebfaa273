import { expect, test } from "vitest";
import { allFiles, workerFiles } from "../../src/config/resolved.ts";
import { builtInPolicies } from "../../src/policies/registry.ts";
import { resolved } from "../data-plane/resolved.ts";

const raw = {
  listeners: [
    {
      name: "main",
      address: "127.0.0.1:0",
      tls: { certificates: [{ certificate: "web.pem", key: "web.key" }], ticketSecret: "tickets" },
      policies: { jwt: { issuers: [{ issuer: "us", audiences: "any", jwks: { file: "keys.json" } }] } },
      routes: [{ name: "all", cluster: "shop" }],
    },
  ],
  clusters: { shop: { endpoints: ["https://127.0.0.1:1"], tls: { ca: "mesh.pem" } } },
  stores: { limits: { redis: ["redis://127.0.0.1:6379"], passwordFile: "password", secretFile: "secret" } },
  control: { xds: { server: "https://127.0.0.1:1", node: { id: "edge" }, tls: { ca: "control.pem" } } },
  admin: { tokenFile: "token" },
};

function namesFor(config: object): readonly string[] {
  const { config: parsed } = resolved({ ...raw, ...config });
  const files = new Map(allFiles(parsed, builtInPolicies).map(({ name }) => [name, "content"]));
  return [...workerFiles({ config: parsed, files }, builtInPolicies).keys()].toSorted();
}

test("workers get the files of listeners, clusters and policies, and not those of the main process", () => {
  expect(namesFor({})).toEqual(["keys.json", "mesh.pem", "tickets", "web.key", "web.pem"]);
});

test("a file that the main process and workers read is sent", () => {
  expect(namesFor({ admin: { tokenFile: "tickets" } })).toContain("tickets");
});
