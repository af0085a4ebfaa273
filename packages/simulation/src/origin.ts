import { aborted, type Either, left, type Random, right, service, type Service } from "@pagoda/core";
import { type BodyFlow, httpResponse } from "@pagoda/http";
import { type Content, reader } from "./content.ts";
import {
  type Answer,
  type BodyLost,
  type Busy,
  defect,
  type Down,
  type Failed,
  type OriginFault,
  type Request,
} from "./request.ts";
import type { SimulationTimer, World } from "./world.ts";

const ok = httpResponse(200);

export interface OriginOptions {
  readonly key: string;
  /** Calls processed concurrently. */
  readonly workers: number;
  /** Calls that may wait for a worker; further ones are refused. */
  readonly queue: number;
  /** Draws how many milliseconds a call takes. */
  readonly latency: (random: Random) => number;
  /** Called when a body has been read to its end. */
  readonly onBody?: (request: Request, content: Content) => void;
}

/** How an origin behaves at present. `failing` to `throwing` are shares of its calls. */
export interface Condition {
  readonly failing: number;
  /** Never answered. */
  readonly hanging: number;
  /** Rejected, as by a bug. */
  readonly defective: number;
  /** Thrown synchronously, as by a bug. */
  readonly throwing: number;
  /** Factor on the latency. */
  readonly slowness: number;
  readonly down: boolean;
}

export const healthy: Condition = {
  failing: 0,
  hanging: 0,
  defective: 0,
  throwing: 0,
  slowness: 1,
  down: false,
};

const busy: Busy = { _tag: "Busy", origin: "upstream", retryable: true };
const busyFor: Busy = { ...busy, retryAfterMs: 40 };
const failed: Failed = { _tag: "Failed", origin: "upstream", retryable: true };
const failedForGood: Failed = { _tag: "Failed", origin: "upstream", retryable: false };
const down: Down = { _tag: "Down", origin: "upstream", retryable: true };
const bodyLost: BodyLost = { _tag: "BodyLost", origin: "local", retryable: false };

/** A simulated origin: a leaf with workers, a queue, and changing failures. Honours aborts. */
export class Origin {
  readonly key: string;
  readonly service: Service<Request, Answer, OriginFault>;
  condition: Condition = healthy;
  readonly #world: World;
  readonly #options: OriginOptions;
  readonly #random: Random;
  readonly #working = new Set<OriginCall>();
  readonly #queue = new Set<OriginCall>();

  constructor(world: World, options: OriginOptions) {
    this.key = options.key;
    this.#world = world;
    this.#options = options;
    this.#random = world.chance(`origin ${options.key}`);
    const call = this.#take.bind(this);
    // Not every leaf is made by `service`, which turns what is thrown into a rejection.
    this.service = { ...service("origin", call, { options: { key: options.key } }), call };
  }

  get inFlight(): number {
    return this.#working.size + this.#queue.size;
  }

  /** Fails all calls in flight, as when the process ends. */
  restart(): void {
    for (const call of [...this.#queue, ...this.#working]) call.settle(left(down));
  }

  #take(request: Request, signal: AbortSignal | undefined): Promise<Either<OriginFault, Answer>> {
    if (signal?.aborted) return Promise.resolve(left(aborted(signal)));
    if (this.condition.down) return Promise.resolve(left(down));
    if (this.condition.throwing > 0 && this.#random() < this.condition.throwing) throw defect;
    if (this.#working.size >= this.#options.workers && this.#queue.size >= this.#options.queue) {
      return Promise.resolve(left(this.#random() < 0.5 ? busy : busyFor));
    }
    const call = new OriginCall(request, signal, () => this.#over(call));
    if (this.#working.size < this.#options.workers) this.#begin(call);
    else this.#queue.add(call);
    return call.promise;
  }

  #begin(call: OriginCall): void {
    this.#working.add(call);
    const random = this.#random;
    const { failing, hanging, defective, slowness } = this.condition;
    const ms = this.#options.latency(random) * slowness;
    const fate = random();
    if (fate < hanging) return;
    if (fate < hanging + defective) call.timer = this.#world.after(ms, () => call.reject(defect));
    else if (fate < hanging + defective + failing) {
      // Some fail early, with the request's body partly read.
      const fault = random() < 0.8 ? failed : failedForGood;
      this.#read(call, () => {});
      if (!call.isOver) call.timer = this.#world.after(ms * random(), () => call.settle(left(fault)));
    } else {
      let parts = 2;
      const part = (): void => {
        if (--parts === 0) call.settle(right({ ...ok, id: call.request.id }));
      };
      this.#read(call, part);
      if (!call.isOver) call.timer = this.#world.after(ms, part);
    }
  }

  #read(call: OriginCall, done: () => void): void {
    const { body, content } = call.request;
    if (content.bytes === 0 && body.length === 0) {
      done();
      return;
    }
    const reading = reader(this.#world, this.#random, (seen) => {
      if (call.isOver) return;
      call.flow = undefined;
      if (seen === undefined) {
        call.settle(left(bodyLost));
        return;
      }
      this.#options.onBody?.(call.request, seen);
      done();
    });
    let flow: BodyFlow;
    try {
      flow = body.pipe(reading.sink);
    } catch (reason) {
      call.reject(reason);
      return;
    }
    reading.resumeWith(() => flow.resume());
    call.flow = {
      resume: () => flow.resume(),
      cancel: (reason) => {
        reading.stop();
        flow.cancel(reason);
      },
    };
  }

  #over(call: OriginCall): void {
    this.#world.cancel(call.timer);
    call.flow?.cancel();
    this.#queue.delete(call);
    if (!this.#working.delete(call)) return;
    for (const next of this.#queue) {
      if (this.#working.size >= this.#options.workers) return;
      this.#queue.delete(next);
      this.#begin(next);
    }
  }
}

class OriginCall {
  readonly request: Request;
  readonly promise: Promise<Either<OriginFault, Answer>>;
  timer: SimulationTimer | undefined;
  flow: BodyFlow | undefined;
  isOver = false;
  readonly #signal: AbortSignal | undefined;
  readonly #resolve: (result: Either<OriginFault, Answer>) => void;
  readonly #reject: (reason: unknown) => void;
  readonly #ended: () => void;

  constructor(request: Request, signal: AbortSignal | undefined, ended: () => void) {
    const { promise, resolve, reject } = Promise.withResolvers<Either<OriginFault, Answer>>();
    this.request = request;
    this.promise = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#signal = signal;
    this.#ended = ended;
    signal?.addEventListener("abort", this.#onAbort);
  }

  settle(result: Either<OriginFault, Answer>): void {
    if (this.isOver) return;
    this.#end();
    this.#resolve(result);
  }

  reject(reason: unknown): void {
    if (this.isOver) return;
    this.#end();
    this.#reject(reason);
  }

  #end(): void {
    this.isOver = true;
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#ended();
  }

  readonly #onAbort = (): void => this.settle(left(aborted(this.#signal as AbortSignal)));
}
