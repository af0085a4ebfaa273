import { type Fault, isLeft, left, type Service } from "@pagoda/core";
import type { Answer } from "@pagoda/respond";
import type { AnyPolicy } from "./policy.ts";

/** The policy that raised an error with a tag that others raise, too. */
const raisedBy: unique symbol = Symbol("the policy that raised this error");

/** Copies of an error keep it. */
interface Marked extends Fault {
  readonly [raisedBy]?: string;
}

type Answers = Readonly<Record<string, Answer | ((fault: Fault) => Answer)>>;
type AnyService = Service<unknown, unknown, unknown>;

/**
 * The tags of policies that a policy before them answers, too, such as those of two policies made of
 * the same layer. A response is found by the tag alone, so errors of these policies are marked.
 *
 * @param first These agree among themselves.
 */
export function sharedTags(
  first: readonly AnyPolicy[],
  others: readonly AnyPolicy[],
): ReadonlyMap<AnyPolicy, ReadonlySet<string>> {
  const shared = new Map<AnyPolicy, ReadonlySet<string>>();
  const known = new Set(first.flatMap(({ answers }) => Object.keys(answers)));
  for (const policy of others) {
    const tags = Object.keys(policy.answers as object);
    const both = tags.filter((tag) => known.has(tag));
    if (both.length > 0) shared.set(policy, new Set(both));
    for (const tag of tags) known.add(tag);
  }
  return shared;
}

/** A layer that marks the errors with these tags that it raises, but not those from inside. */
export function marking(
  { name }: AnyPolicy,
  tags: ReadonlySet<string>,
  layer: (inner: unknown) => unknown,
): (inner: unknown) => AnyService {
  return (inner) => {
    const passed = new WeakSet<object>();
    const inside = inner as AnyService;
    const noting: AnyService = {
      ready: () => inside.ready(),
      describe: () => inside.describe(),
      call: (request, signal) =>
        inside.call(request, signal).then((result) => {
          if (isLeft(result) && isObject(result.left)) passed.add(result.left);
          return result;
        }),
    };
    const service = layer(noting) as AnyService;
    return {
      ready: () => service.ready(),
      describe: () => service.describe(),
      call: (request, signal) =>
        service.call(request, signal).then((result) => {
          if (!isLeft(result) || !isObject(result.left) || passed.has(result.left)) return result;
          const fault = result.left as Fault;
          return tags.has(fault._tag) ? left({ ...fault, [raisedBy]: name }) : result;
        }),
    };
  };
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** Each policy's answers to its own errors; where a tag is shared, others get the first one's. */
export function answersToMarked(policies: readonly AnyPolicy[]): Answers {
  const byTag = new Map<string, (readonly [policy: string, answer: Answers[string]])[]>();
  for (const { name, answers } of policies)
    for (const [tag, answer] of Object.entries(answers as Answers))
      byTag.set(tag, [...(byTag.get(tag) ?? []), [name, answer]]);
  return Object.fromEntries(
    Array.from(byTag, ([tag, all]) => {
      const [[, first]] = all as [(typeof all)[number]];
      const others = new Map(all);
      return [
        tag,
        all.length === 1
          ? first
          : (fault: Marked) => answerOf(others.get(fault[raisedBy] ?? "") ?? first, fault),
      ];
    }),
  );
}

function answerOf(answer: Answers[string], fault: Fault): Answer {
  return typeof answer === "function" ? answer(fault) : answer;
}
