import { trimmed } from "./white-space.ts";

/** The members of a comma-separated list, without empty ones (RFC 9110, 5.6.1). */
export function membersOf(list: string): string[] {
  return list
    .split(",")
    .map((member) => trimmed(member))
    .filter((member) => member !== "");
}

/**
 * Whether a comma-separated list has a member, in upper or lower case.
 *
 * @param member In lower case.
 */
export function lists(list: string, member: string): boolean {
  if (list.length <= member.length) return list.toLowerCase() === member;
  return membersOf(list).some((each) => each.toLowerCase() === member);
}
