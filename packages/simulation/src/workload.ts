import { exponentialTime } from "@pagoda/core/testing";
import { isLeft, oneshot, type Random, Scope } from "@pagoda/core";
import type { ReplayBody } from "@pagoda/http";
import { between, oneOf, whole } from "./random.ts";
import { Digest } from "./digest.ts";
import { responseWatch } from "./invariants/responses.ts";
import { wakeUpWatch } from "./invariants/wake-ups.ts";
import { defect, type Request, type Result } from "./request.ts";
import { Requests } from "./requests.ts";
import type { Environment, Simulated } from "./environment.ts";
import type { SimulationTimer } from "./world.ts";

/** Random arrivals with bursts. Some callers wait until the stack is ready; some abort. */
export class Workload {
  readonly digest = new Digest();
  /** Calls in flight. */
  active = 0;
  readonly #environment: Environment;
  readonly #simulated: Simulated;
  readonly #calls: number;
  readonly #requests: Requests;
  readonly #answers: ReturnType<typeof responseWatch>;
  readonly #arrivals: Random;
  readonly #callers: Random;
  readonly #load: number;
  /** The share of callers that wait until the stack is ready. */
  readonly #patience: number;
  #made = 0;
  /** Callers waiting until the stack is ready. */
  #patient = 0;
  #burstUntil = 0;
  #burstAt: number;
  /** The call after which there is a lull: all calls in flight end before the next one arrives. */
  #lullAt: number;
  #isLull = false;

  constructor(environment: Environment, simulated: Simulated, calls: number) {
    const { world, parts, leaks } = environment;
    this.#environment = environment;
    this.#simulated = simulated;
    this.#calls = calls;
    this.#requests = new Requests(world, parts);
    this.#answers = responseWatch(world);
    this.#arrivals = world.chance("arrivals");
    this.#callers = world.chance("callers");
    const load = world.chance("load");
    this.#load = between(load, 0.3, 1.1);
    this.#patience = oneOf(load, [0, 0.1, 0.4]);
    this.#burstAt = exponentialTime(this.#arrivals, 2_000);
    this.#lullAt = whole(this.#arrivals, 100, 3_000);
    wakeUpWatch(world, {
      name: "front of the stack",
      size: () => this.#patient,
      isFree: simulated.isFree,
    });
    world.always(() => {
      if (!this.#isLull || this.active > 0) return;
      this.#isLull = false;
      if (simulated.isBusy?.() !== true) leaks.idle();
      this.#next();
    });
    this.#next();
  }

  /** All calls have been made. */
  get isComplete(): boolean {
    return this.#made === this.#calls;
  }

  get isOver(): boolean {
    return this.isComplete && this.active === 0;
  }

  #next(): void {
    const { world } = this.#environment;
    if (world.now >= this.#burstAt) {
      this.#burstUntil = world.now + exponentialTime(this.#arrivals, 200);
      this.#burstAt = this.#burstUntil + exponentialTime(this.#arrivals, 2_000);
    }
    const factor = world.now < this.#burstUntil ? 4 : 1;
    const perMs = (this.#simulated.perSecond * this.#load * factor) / 1_000;
    world.after(exponentialTime(this.#arrivals, 1 / perMs), () => {
      this.#call(this.#requests.next(this.#made++));
      if (this.isComplete) return;
      if (this.#made < this.#lullAt) {
        this.#next();
        return;
      }
      this.#isLull = true;
      this.#lullAt = this.#made + whole(this.#arrivals, 100, 3_000);
    });
  }

  #call(request: Request): void {
    const { id } = request;
    const { world, aborts, leaks } = this.#environment;
    const random = this.#callers;
    const scope = random() < 0.8 ? new Scope(undefined) : undefined;
    let leaving: SimulationTimer | undefined;
    let isOpen = true;

    const over = (how: string): void => {
      isOpen = false;
      this.active--;
      world.cancel(leaving);
      (request.body as Partial<ReplayBody>).release?.();
      aborts.over(id);
      leaks.over(id, scope?.signal);
      this.#note(id, how);
    };
    const leave = (): void => {
      if (!isOpen) return;
      scope?.abort();
      aborts.aborted(id);
    };

    if (scope !== undefined) {
      const how = random();
      if (how < 0.01) {
        scope.abort();
        aborts.abortedBefore(id);
      } else if (how < 0.25) {
        leaving = world.after(exponentialTime(random, oneOf(random, [5, 50, 500])), leave);
      } else if (how < 0.4) {
        const ms = between(random, 20, 1_000);
        scope.deadline = world.now + ms;
        leaving = world.after(ms, leave);
      }
    }
    this.active++;
    const isPatient = random() < this.#patience;
    const result = isPatient
      ? this.#wait(request, scope?.signal)
      : this.#simulated.service.call(request, scope?.signal);
    result.then(
      (answer) => {
        over(isLeft(answer) ? answer.left._tag : "ok");
        this.#answers.given(id, answer);
      },
      (reason: unknown) => {
        over(reason === defect ? "defect" : "broken");
        this.#answers.rejected(id, reason);
      },
    );
    // Some abort at once.
    if (scope !== undefined && random() < 0.005) leave();
  }

  /** Like `oneshot`, but counts the waiting callers. */
  #wait(request: Request, signal: AbortSignal | undefined): Promise<Result> {
    const { service } = this.#simulated;
    let waits = true;
    const moved = (): void => {
      if (waits) this.#patient--;
      waits = false;
    };
    this.#patient++;
    const counted = {
      ...service,
      call(request: Request, signal?: AbortSignal) {
        moved();
        return service.call(request, signal);
      },
    };
    const result = oneshot(counted, request, signal);
    result.then(moved, moved);
    return result;
  }

  #note(id: number, how: string): void {
    const { now, count } = this.#environment.world;
    count(how);
    this.digest.add(id);
    this.digest.addText(how);
    this.digest.add(now);
  }
}
