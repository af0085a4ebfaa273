import { hasAt } from "./ignore-case.ts";
import { isSpace, trimmed } from "./white-space.ts";

/** Returns the non-empty members of a comma-separated list (RFC 9110, 5.6.1). */
export function membersOf(list: string): string[] {
  return list
    .split(",")
    .map((member) => trimmed(member))
    .filter((member) => member !== "");
}

/**
 * Whether a comma-separated list has a member, ignoring case. Allocates nothing.
 *
 * @param member The member in lower case.
 */
export function lists(list: string, member: string): boolean {
  for (let at = 0; at <= list.length;) {
    const comma = list.indexOf(",", at);
    let end = comma < 0 ? list.length : comma;
    const next = end + 1;
    while (at < end && isSpace(list.charCodeAt(at))) at++;
    while (at < end && isSpace(list.charCodeAt(end - 1))) end--;
    if (end - at === member.length && hasAt(list, at, member)) return true;
    at = next;
  }
  return false;
}
