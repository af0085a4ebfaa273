import { trimmed } from "./white-space.ts";

/** Returns the non-empty members of a comma-separated list (RFC 9110, 5.6.1). */
export function membersOf(list: string): string[] {
  return list
    .split(",")
    .map((member) => trimmed(member))
    .filter((member) => member !== "");
}

/**
 * Whether a comma-separated list has a member, ignoring case.
 *
 * @param member The member in lower case.
 */
export function lists(list: string, member: string): boolean {
  if (list.length <= member.length) return list.toLowerCase() === member;
  return membersOf(list).some((each) => each.toLowerCase() === member);
}
