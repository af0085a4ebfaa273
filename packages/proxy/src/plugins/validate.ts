import { contractVersion, formatValue, mustBe } from "@pagoda/core";
import { type AnyPolicy, contractOf, policyPlaces } from "../policies/policy.ts";

/** What is wrong with the default export of a plugin; undefined if it is a policy. */
export function policyProblem(value: unknown): string | undefined {
  const got = value === undefined ? "none" : kindOf(value);
  const version = contractOf(value);
  if (version === undefined) return `the default export must be a policy made by definePolicy (got ${got})`;
  if (version !== contractVersion)
    return `must be made for version ${contractVersion} of the contract of layers (got ${version}); use the major versions of @pagoda/core and @pagoda/proxy that this proxy has`;
  return fieldProblem(value as Readonly<Record<keyof AnyPolicy, unknown>>);
}

function kindOf(value: unknown): string {
  if (typeof value === "function") return "a function";
  return typeof value === "object" && value !== null ? "an object" : formatValue(value);
}

/** The compiler has checked all of this, unless the plugin is JavaScript. */
function fieldProblem(policy: Readonly<Record<keyof AnyPolicy, unknown>>): string | undefined {
  const { name, at, answers, events, state } = policy;
  if (typeof name !== "string" || !/^[a-z]\w{0,62}$/i.test(name))
    return mustBe("name", "1 to 63 letters, digits and underscores, beginning with a letter", name);
  if (!Array.isArray(at) || at.length === 0 || !at.every((place) => policyPlaces.includes(place as never)))
    return mustBe("at", `a list of ${policyPlaces.join(", ")}`, at);
  if (at.includes("cluster") && at.includes("endpoint"))
    return "at must not have both cluster and endpoint, whose settings are in one object";
  for (const field of ["before", "after"] as const)
    if (policy[field] !== undefined && typeof policy[field] !== "string")
      return mustBe(field, "the name of a policy", policy[field]);
  for (const field of ["schema", "layer"] as const)
    if (typeof policy[field] !== "function") return mustBe(field, "a function", policy[field]);
  for (const field of ["check", "clusters", "explain", "blockedReason", "reset"] as const)
    if (policy[field] !== undefined && typeof policy[field] !== "function")
      return mustBe(field, "a function", policy[field]);
  if (!isObject(answers)) return mustBe("answers", "an object of responses by error", answers);
  for (const [tag, answer] of Object.entries(answers))
    if (!isAnswer(answer))
      return mustBe(`answers.${tag}`, "{ status: 200 to 599, message }, or a function", answer);
  if (events !== undefined && !(isObject(events) && Array.isArray(events["names"])))
    return mustBe("events", "made by eventsOf", events);
  const isState = isObject(state) && [state["boundTo"], state["create"]].every(isFunction);
  if (state !== undefined && !isState) return mustBe("state", "{ boundTo, create }, two functions", state);
  const perWorker: unknown = isObject(state) ? state["perWorker"] : undefined;
  if (perWorker !== undefined && typeof perWorker !== "string")
    return mustBe("state.perWorker", "a string", perWorker);
  return undefined;
}

function isFunction(value: unknown): boolean {
  return typeof value === "function";
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function isAnswer(value: unknown): boolean {
  if (isFunction(value)) return true;
  if (!isObject(value)) return false;
  const { status, message } = value;
  return (
    Number.isInteger(status) && Number(status) >= 200 && Number(status) <= 599 && typeof message === "string"
  );
}
