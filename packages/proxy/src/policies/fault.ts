import { fault as faultLayer, type FaultObserver, type Injected } from "@pagoda/fault";
import type { Answer } from "@pagoda/respond";
import { definePolicy, type Environment, eventsOf } from "./policy.ts";

/** The status with which an injected failure is answered. */
export interface InjectedStatus extends Injected {
  readonly status: number;
}

const events = eventsOf<FaultObserver>("fault", ["delayed", "failed"], {
  delayed: (ms) => `delayed on purpose by ${ms} ms, as configured`,
  failed: () => "failed on purpose, as configured",
});

/** Injects faults. Stands innermost, where real ones occur, so that the other policies see them. */
export const fault = definePolicy({
  name: "fault",
  at: ["route"],
  schema: ({ fields, whole, duration, ratio }) =>
    fields({
      delay: fields({
        ratio: ratio.describe("Share of calls to delay."),
        time: duration.describe("Length of the delay."),
      })
        .optional()
        .describe("Delays calls."),
      failure: fields({
        ratio: ratio.describe("Share of calls to fail."),
        status: whole(400, 599).default(503).describe("Status of the failure."),
      })
        .optional()
        .describe("Fails calls without forwarding them."),
    })
      .refine(({ delay, failure }) => delay !== undefined || failure !== undefined, {
        error: "must have delay, failure, or both",
      })
      .optional()
      .describe("Fault injection: delays and fails calls on purpose."),
  events,
  layer({ delay, failure }, { observe, clock, random }: Environment) {
    const error: InjectedStatus = {
      _tag: "Injected",
      origin: "upstream",
      retryable: true,
      status: failure?.status ?? 503,
    };
    return faultLayer({
      delay: { ratio: delay?.ratio ?? 0, ms: delay?.time ?? 0 },
      failure: { ratio: failure?.ratio ?? 0, error: () => error },
      observer: observe(events),
      clock,
      random,
    });
  },
  answers: {
    Injected: ({ status }: InjectedStatus): Answer => ({ status, message: "injected fault" }),
  },
});
