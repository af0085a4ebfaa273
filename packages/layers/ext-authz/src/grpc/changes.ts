import { HttpHeaders } from "@pagoda/http";
import { isFieldValue } from "@pagoda/http/grammar";
import { isSettable, maxFieldBytes, maxFields, plain, without } from "../fields.ts";
import type { HeaderValueOption } from "../generated/core_pb.ts";
import { fieldValue } from "./text.ts";

/** What to do if a message already has a field, or has none. */
type Action = "add" | "add-if-absent" | "add-if-present" | "set" | "set-if-present";

/** A change of one field. */
export interface FieldChange {
  readonly name: string;
  readonly value: string;
  readonly action: Action;
}

/** Decides what an option does; undefined if it is not known. */
type ActionOf = (option: HeaderValueOption) => Action | undefined;

/**
 * On requests Envoy 1.40 does not read `append_action`: fields are replaced, so that no client can add
 * to them, unless `append` adds to those that are there.
 */
export const onRequest: ActionOf = ({ append }) => (append === true ? "add-if-present" : "set");

/** Where clients cannot send the fields, those to be added have nothing to be added to. */
export const onCopied: ActionOf = ({ append }) => (append === true ? "add" : "set");

/** `HeaderAppendAction`, by number. */
const actions: readonly Action[] = ["add", "add-if-absent", "set", "set-if-present"];

export const onResponse: ActionOf = ({ append, appendAction }) =>
  append === undefined ? actions[appendAction] : append ? "add" : "set";

/**
 * Reads changes of fields.
 *
 * @returns Undefined if one of them cannot be made, or if they are too many.
 */
export function fieldChanges(
  options: readonly HeaderValueOption[],
  actionOf: ActionOf,
): readonly FieldChange[] | undefined {
  const changes = options.map((option) => changeOf(option, actionOf));
  const bounded = withinBounds(changes);
  return bounded.length < options.length ? undefined : bounded;
}

/** The fields of a refusal, which counts more than they do: those that cannot be set are left out. */
export function possibleFields(options: readonly HeaderValueOption[]): HttpHeaders {
  const changes = options.flatMap((option) => changeOf(option, () => "add") ?? []);
  return changed(HttpHeaders.empty, withinBounds(changes));
}

/** The changes up to the first that cannot be made. */
function withinBounds(changes: readonly (FieldChange | undefined)[]): readonly FieldChange[] {
  const bounded: FieldChange[] = [];
  let bytes = 0;
  for (const change of changes) {
    if (change === undefined || bounded.length === maxFields) break;
    bytes += change.name.length + change.value.length;
    if (bytes > maxFieldBytes) break;
    bounded.push(change);
  }
  return bounded;
}

function changeOf(option: HeaderValueOption, actionOf: ActionOf): FieldChange | undefined {
  const { header } = option;
  const action = actionOf(option);
  if (header === undefined || action === undefined || !isSettable(header.key)) return undefined;
  const value = fieldValue(header.value).replaceAll(/^[ \t]+|[ \t]+$/g, "");
  return isFieldValue(value) ? { name: header.key, value, action } : undefined;
}

/** Makes changes in order. One that sets a field replaces it also with underscores for hyphens. */
export function changed(headers: HttpHeaders, changes: readonly FieldChange[]): HttpHeaders {
  let result = headers;
  for (const { name, value, action } of changes) {
    const isPresent = action === "add" || action === "set" ? undefined : result.has(name);
    if (action === "add-if-absent" ? isPresent : action.endsWith("if-present") && !isPresent) continue;
    const base = action.startsWith("add") ? result : without(result, new Set([plain(name)]));
    result = base.append(name, value);
  }
  return result;
}
