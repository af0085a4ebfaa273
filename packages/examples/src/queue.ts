// A consumer of a BullMQ queue: jobs as the calls of a stack, whose errors decide whether a job is repeated.
import {
  type Aborted,
  type Clock,
  type Fault,
  faultText,
  isRight,
  oneshot,
  type Service,
  systemClock,
} from "@pagoda/core";
import { DelayedError, type Job, type Processor, UnrecoverableError } from "bullmq";

/** What a stack sees of a job. */
export interface Task<Data> {
  readonly id: string | undefined;
  readonly data: Data;
  /** How often the job has been tried before. */
  readonly attempts: number;
}

/** An error that may say when the call is worth repeating, as `RateLimited` and `CircuitOpen` do. */
export interface Later extends Fault {
  readonly retryAfterMs?: number | undefined;
}

/**
 * Turns a stack into the processor of a BullMQ `Worker`.
 *
 * A job waits until the stack is ready. If it fails, it is
 * - delayed and not counted as tried, if the error says when to repeat it,
 * - tried again as often as its own `attempts` allow, if the error is retryable,
 * - given up otherwise.
 *
 * `worker.cancelJob` aborts the call.
 */
export function processor<Data, Result>(
  stack: Service<Task<Data>, Result, Later>,
  clock: Clock = systemClock,
): Processor<Data, Result> {
  return async (job, token, signal) => {
    const { id, data, attemptsMade: attempts } = job;
    const result = await oneshot<Task<Data>, Result, Later>(stack, { id, data, attempts }, signal);
    if (isRight(result)) return result.right;
    throw await failure(job, result.left, token, clock);
  };
}

async function failure(
  job: Job,
  fault: Later | Aborted,
  token: string | undefined,
  clock: Clock,
): Promise<Error> {
  const { retryable, cause } = fault;
  const message = faultText(fault);
  const retryAfterMs = "retryAfterMs" in fault ? fault.retryAfterMs : undefined;
  if (retryAfterMs !== undefined) {
    await job.moveToDelayed(clock.wallTime() + retryAfterMs, token);
    return new DelayedError(message);
  }
  return Object.assign(retryable ? new Error(message) : new UnrecoverableError(message), { cause });
}
