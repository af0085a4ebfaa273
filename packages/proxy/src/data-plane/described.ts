import type { Description, Service } from "@pagoda/core";
import { errorText } from "../policies/run-policy.ts";

/** The description of a stack; a layer that cannot describe itself must not end the worker. */
export function described(stack: Pick<Service<never, unknown>, "describe">): Description {
  try {
    return stack.describe();
  } catch (error) {
    return { name: "unknown", state: { describeFailed: errorText(error) } };
  }
}
