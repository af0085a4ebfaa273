import assert from "node:assert/strict";

/** What a layer replaces in a message: some properties, or all of it. */
export type Changes = readonly string[] | "all";

/** Asserts that a message came out as it went in, apart from the declared changes and additions. */
export function assertPassed(sent: unknown, got: unknown, changes: Changes, whose: string): void {
  if (changes === "all") return;
  if (typeof sent !== "object" || sent === null) {
    assert.equal(got, sent, `${whose} was changed`);
    return;
  }
  assert.ok(typeof got === "object" && got !== null, `${whose} was changed`);
  for (const [name, value] of Object.entries(sent)) {
    // Absent properties may be added.
    if (value === undefined) continue;
    const isSame = changes.includes(name) || Object.is((got as Record<string, unknown>)[name], value);
    assert.ok(isSame, `${whose} was changed: ${name}`);
  }
}
