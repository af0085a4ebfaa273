import type { Random } from "@pagoda/core";
import { bodyBroken, type BodySink, PushBody } from "@pagoda/http";
import { between, whole } from "./random.ts";
import type { SimulationTimer, World } from "./world.ts";

/** Length and checksum of a body, to compare bodies without keeping them. */
export interface Content {
  readonly bytes: number;
  readonly sum: number;
}

/** FNV-1a, which depends on each byte and its position. */
export class Checksum {
  bytes = 0;
  sum: number = 0x811c9dc5;

  add(chunk: Uint8Array): void {
    let { sum } = this;
    for (const byte of chunk) sum = Math.imul(sum ^ byte, 0x01000193);
    this.sum = sum;
    this.bytes += chunk.length;
  }
}

export function contentOf(chunks: readonly Uint8Array[]): Content {
  const all = new Checksum();
  for (const chunk of chunks) all.add(chunk);
  return { bytes: all.bytes, sum: all.sum };
}

/** Random bytes, four per draw. */
export function bytes(random: Random, count: number): Uint8Array {
  const chunk = new Uint8Array(count);
  for (let at = 0; at < count; at += 4) {
    const drawn = Math.floor(random() * 4_294_967_296);
    for (let byte = 0; byte < 4 && at + byte < count; byte++) chunk[at + byte] = drawn >>> (8 * byte);
  }
  return chunk;
}

/** One to five chunks, some of them empty. */
export function chunks(random: Random): Uint8Array[] {
  return Array.from({ length: whole(random, 1, 5) }, () => bytes(random, whole(random, 0, 60)));
}

/** A body that arrives in chunks, some at once and some later. It may break, and it honours backpressure. */
export class Source extends PushBody {
  readonly length: number | undefined;
  readonly #world: World;
  readonly #chunks: Uint8Array[];
  readonly #random: Random;
  readonly #breaks: boolean;
  #timer: SimulationTimer | undefined;

  constructor(world: World, random: Random, chunks: readonly Uint8Array[], breaks: boolean) {
    super();
    this.#world = world;
    this.#chunks = [...chunks];
    this.#random = random;
    this.#breaks = breaks;
    this.length = random() < 0.5 ? undefined : contentOf(chunks).bytes;
  }

  protected override started(): void {
    this.goOn();
  }

  protected goOn(): void {
    if (this.#timer?.isSet !== true) this.#soon();
  }

  protected stop(): void {
    this.#world.cancel(this.#timer);
  }

  #soon(): void {
    if (this.#random() < 0.3) this.#next();
    else this.#timer = this.#world.after(between(this.#random, 0, 5), () => this.#next());
  }

  #next(): void {
    const chunk = this.#chunks.shift();
    if (chunk === undefined) this.finish();
    else if (this.#breaks && this.#chunks.length === 0) this.broken(bodyBroken());
    else if (this.push(chunk)) this.#soon();
  }
}

/** Reads a body as an origin does, with pauses, and reports what arrived. */
export function reader(
  world: World,
  random: Random,
  ended: (content: Content | undefined) => void,
): { readonly sink: BodySink; resumeWith(resume: () => void): void; stop(): void } {
  const seen = new Checksum();
  let timer: SimulationTimer | undefined;
  let resume: (() => void) | undefined;
  return {
    sink: {
      write(chunk) {
        seen.add(chunk);
        if (random() < 0.9) return true;
        timer = world.after(between(random, 0, 3), () => resume?.());
        return false;
      },
      end: () => ended({ bytes: seen.bytes, sum: seen.sum }),
      fail: () => ended(undefined),
    },
    resumeWith(how) {
      resume = how;
    },
    stop: () => world.cancel(timer),
  };
}
