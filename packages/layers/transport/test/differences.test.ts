import { readFileSync } from "node:fs";
import { differencesIn, observeClient } from "@pagoda/http/testing";
import { expect, test } from "vitest";
import { contractClient } from "./contract-client.ts";

test.each(["transport", "undici"])("the table of differences in the README of %s is right", async (layer) => {
  const readme = readFileSync(new URL(`../../${layer}/README.md`, import.meta.url), "utf8");
  const differences = differencesIn(readme);
  // To write it again: npm run clients
  expect(differences["@pagoda/transport"]).toEqual(await observeClient(contractClient));
});
