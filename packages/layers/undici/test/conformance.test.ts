import { clientConformance } from "@pagoda/http/testing";
import { describe, test } from "vitest";
import { contractClient } from "./contract-client.ts";

describe("undici", () => {
  // Below the runner's timeout, which would not name the rule.
  clientConformance(test, contractClient, { limitMs: 9_000 });
});
