import { clientContract } from "@pagoda/http/testing";
import { describe, test } from "vitest";
import { contractClient } from "./contract-client.ts";

describe("undici", () => {
  clientContract(test, contractClient);
});
