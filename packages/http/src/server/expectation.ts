import { membersOf } from "../grammar/list.ts";

/**
 * Parses `Expect` (RFC 9110, 10.1.1): `100-continue` or nothing; `undefined` for any other
 * expectation. nginx and Envoy ignore others; here they are refused with 417, because nothing on
 * the way would fulfil them.
 */
export function expectationOf(value: string): "continue" | "nothing" | undefined {
  const members = membersOf(value);
  if (!members.every((member) => member.toLowerCase() === "100-continue")) return undefined;
  return members.length > 0 ? "continue" : "nothing";
}
