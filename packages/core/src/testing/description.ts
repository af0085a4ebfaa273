import assert from "node:assert/strict";
import type { Service } from "../service.ts";

/** Sees that a service describes itself in what JSON can say, and that asking changes nothing. */
export function assertDescribed(service: Pick<Service<never, unknown, unknown>, "describe">): void {
  const description = service.describe();
  assert.ok(description.name.length > 0, "it needs a name");
  assert.deepEqual(JSON.parse(JSON.stringify(description)), description, "a description must be JSON");
  assert.deepEqual(service.describe(), description, "asking changed the answer");
}
