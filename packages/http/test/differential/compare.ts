import { type Exceptions, excepted } from "./exceptions.ts";
import { inputOf } from "./inputs.ts";
import { readWithLlhttp } from "./llhttp.ts";
import { contradiction, readWithOurs } from "./reading.ts";

/** What a run over many inputs has shown. */
export interface Comparison {
  readonly inputs: number;
  /** Inputs with at least one request that the server accepts. */
  readonly accepted: number;
  /** Inputs that the server refuses at a request that llhttp accepts, by the server's reason. */
  readonly stricter: ReadonlyMap<string, number>;
  /** Requests under each exception. */
  readonly exceptions: Exceptions;
  /** Defects, with the shortest input that still shows them. */
  readonly disagreements: readonly string[];
}

/** Stops here: more of the same kind would not help. */
const maxDisagreements = 20;

/** Reads the inputs of these numbers with both parsers. */
export function compare(seed: number, from: number, to: number): Comparison {
  const stricter = new Map<string, number>();
  const exceptions: Exceptions = new Map();
  const disagreements: string[] = [];
  let accepted = 0;
  let number = from;
  for (; number < to && disagreements.length < maxDisagreements; number++) {
    const text = inputOf(seed, number);
    const bytes = Buffer.from(text, "latin1");
    const ours = readWithOurs([bytes]);
    const theirs = readWithLlhttp(bytes);
    if (ours.requests.length > 0) accepted++;
    if (ours.refusal !== undefined && theirs.requests[ours.requests.length]?.isComplete)
      stricter.set(ours.refusal, (stricter.get(ours.refusal) ?? 0) + 1);
    // Most inputs need no exception, and only those pay for it.
    if (contradiction(ours, theirs) !== undefined && disagreement(text, exceptions) !== undefined)
      disagreements.push(`seed ${seed}, input ${number}: ${described(smallest(text))}`);
    const at = number % (text.length + 1);
    const to = at + ((number >> 4) % (text.length + 1 - at));
    const pieces = [bytes.subarray(0, at), bytes.subarray(at, to), bytes.subarray(to)];
    if (JSON.stringify(readWithOurs(pieces)) !== JSON.stringify(ours))
      disagreements.push(`seed ${seed}, input ${number}, cut at ${at} and ${to}: ${JSON.stringify(text)}`);
  }
  return { inputs: number - from, accepted, stricter, exceptions, disagreements };
}

/** How llhttp contradicts the server about an input, exceptions aside. */
export function disagreement(text: string, uses: Exceptions = new Map()): string | undefined {
  const bytes = Buffer.from(text, "latin1");
  const ours = readWithOurs([bytes]);
  const found = contradiction(ours, readWithLlhttp(bytes));
  if (found === undefined) return undefined;
  const same = excepted(text, ours, uses);
  return same === undefined
    ? found
    : contradiction(same.ours, readWithLlhttp(Buffer.from(same.text, "latin1")));
}

function described(text: string): string {
  return `${JSON.stringify(text)}: ${disagreement(text)}`;
}

/** Removes parts of an input, large ones first, as long as there is a disagreement. */
function smallest(text: string): string {
  let result = text;
  for (let size = text.length >> 1; size > 0; size >>= 1)
    for (let at = 0; at < result.length;) {
      const shorter = result.slice(0, at) + result.slice(at + size);
      if (disagreement(shorter) === undefined) at += size;
      else result = shorter;
    }
  return result;
}
