import { do_not_optimize, measure as sample } from "mitata";
import type { Operation, Subject } from "./subject.ts";

/** The result of a subject: nanoseconds per operation, one number per round, or why there is no result. */
export type Outcome = { readonly subject: Subject } & (
  | { readonly ns: readonly number[]; readonly failure?: never }
  | { readonly ns?: never; readonly failure: string }
);

/**
 * Measures all subjects alternately, every other round in reverse order, so that a disturbance of the machine affects
 * all of them.
 */
export async function measure(
  subjects: readonly Subject[],
  rounds: number,
  ms: number,
): Promise<readonly Outcome[]> {
  const measured = subjects.map((subject) => new Measured(subject));
  try {
    for (let round = 0; round < rounds; round++) {
      for (const each of round % 2 === 0 ? measured : measured.toReversed()) await each.measure(ms);
    }
  } finally {
    for (const each of measured) each.end();
  }
  return measured.map((each) => each.outcome());
}

class Measured {
  readonly #subject: Subject;
  readonly #ns: number[] = [];
  #operation: Operation | undefined;
  #failure: string | undefined;

  constructor(subject: Subject) {
    this.#subject = subject;
  }

  async measure(ms: number): Promise<void> {
    if (this.#failure !== undefined) return;
    try {
      this.#operation ??= this.#subject.prepare();
      const { run } = this.#operation;
      // The first call shows whether to await the result. Results are consumed, or the compiler would omit the work.
      const once = run();
      const consumed = once instanceof Promise ? run : () => do_not_optimize(run());
      await once;
      const { p50 } = await sample(consumed, { min_cpu_time: ms * 1e6 });
      this.#ns.push(p50);
    } catch (error) {
      this.#failure = (error as Error).message;
    }
  }

  end(): void {
    this.#operation?.end?.();
  }

  outcome(): Outcome {
    return this.#failure === undefined
      ? { subject: this.#subject, ns: this.#ns }
      : { subject: this.#subject, failure: this.#failure };
  }
}
