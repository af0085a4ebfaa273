import assert from "node:assert/strict";
import type { Service } from "../service.ts";

/**
 * Asserts that a service's description is JSON and has a name, and that asking for it changes
 * nothing.
 */
export function assertDescribed(service: Pick<Service<never, unknown, unknown>, "describe">): void {
  const description = service.describe();
  assert.ok(description.name.length > 0, "the description needs a name");
  assert.deepEqual(JSON.parse(JSON.stringify(description)), description, "a description must be JSON");
  assert.deepEqual(service.describe(), description, "describe() must not change the description");
}
