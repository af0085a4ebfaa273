import { rehearse } from "../release/rehearsal.ts";
import type { Step } from "./outcome.ts";

/** A release to a temporary registry. */
export const release: Step = { name: "release", run: rehearse };
