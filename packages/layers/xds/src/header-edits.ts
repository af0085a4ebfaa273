import { mustBe } from "@pagoda/core";
import type { HeaderValueOption } from "./generated/core_pb.ts";

/** Edits of header fields: first `remove`, then `set`, then `add`. */
export interface HeaderEdits {
  readonly set?: Readonly<Record<string, string>>;
  readonly add?: Readonly<Record<string, string>>;
  readonly remove?: readonly string[];
}

/** The edits of a route, its virtual host, or all routes. */
interface Level {
  readonly add: readonly HeaderValueOption[];
  readonly remove: readonly string[];
}

const actions = [
  "APPEND_IF_EXISTS_OR_ADD",
  "ADD_IF_ABSENT",
  "OVERWRITE_IF_EXISTS_OR_ADD",
  "OVERWRITE_IF_EXISTS",
];

/**
 * Combines edits of several levels, the innermost first. Envoy applies one level after the other, so
 * a field must be edited once only: otherwise one pass would have another result.
 *
 * @returns Undefined if there are none.
 */
export function editsOf(levels: readonly Level[], at: string, problems: string[]): HeaderEdits | undefined {
  const set: [string, string][] = [];
  const add: [string, string][] = [];
  const remove: string[] = [];
  const edited = new Set<string>();
  const once = (name: string): void => {
    if (edited.has(name.toLowerCase())) problems.push(mustBe(at, "one edit of each field", name));
    edited.add(name.toLowerCase());
  };
  for (const level of levels) {
    for (const name of level.remove) {
      once(name);
      remove.push(name);
    }
    for (const option of level.add) {
      const { key = "", value = "", rawValue } = option.header ?? {};
      const action = option.append === false ? "OVERWRITE_IF_EXISTS_OR_ADD" : actions[option.appendAction];
      const text = literalOf(rawValue?.length ? new TextDecoder().decode(rawValue) : value);
      if (text === undefined) problems.push(mustBe(at, "literal values, with %% for %", `${key}: ${value}`));
      if (text === undefined || (text === "" && !option.keepEmptyValue)) continue;
      once(key);
      if (action === "APPEND_IF_EXISTS_OR_ADD") add.push([key, text]);
      else if (action === "OVERWRITE_IF_EXISTS_OR_ADD") set.push([key, text]);
      else
        problems.push(
          mustBe(`${at}.append_action`, `${actions[0]} or ${actions[2]}`, action ?? option.appendAction),
        );
    }
  }
  if (edited.size === 0) return undefined;
  return {
    ...(set.length > 0 && { set: Object.fromEntries(set) }),
    ...(add.length > 0 && { add: Object.fromEntries(add) }),
    ...(remove.length > 0 && { remove }),
  };
}

/** A value without formatter commands; undefined if it has some. */
function literalOf(value: string): string | undefined {
  return value.replaceAll("%%", "").includes("%") ? undefined : value.replaceAll("%%", "%");
}
