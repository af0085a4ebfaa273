import { z } from "zod";

/** What an event does to an origin while it lasts. */
export type Effect =
  /** Its process has ended: calls in flight break, connections are refused. */
  | { readonly kind: "die" }
  /** New connections are refused; calls in flight continue. */
  | { readonly kind: "refuse" }
  /** It accepts calls and answers none before the event is over. */
  | { readonly kind: "hang" }
  /** Calls that begin take this many times as long. */
  | { readonly kind: "slow"; readonly times: number }
  /** This share of calls is answered with 503. */
  | { readonly kind: "errors"; readonly ratio: number }
  /** It dies and comes back in turns, each of this length. */
  | { readonly kind: "flap"; readonly ms: number };

const error =
  "must be die, refuse, hang, slow xN such as slow x5, errors N% such as errors 30%, or flap, with the length of each turn such as flap 2s";
const pattern =
  /^(?:die|refuse|hang|slow [x×]\d+(?:\.\d+)?|errors \d+(?:\.\d+)?%|flap(?: \d+(?:\.\d+)?m?s)?)$/;

/** `hang`, `slow x5`, `errors 30%`, … */
export const effect: z.ZodType<Effect, string> = z.codec(
  z.string({ error }).regex(pattern, { error }),
  z.custom<Effect>(isPossible, {
    error: "must be slow by a factor over 0, or have at most 100% errors, or turns over 0ms",
  }),
  { decode: parse, encode: effectText },
);

function parse(text: string): Effect {
  const [kind = "", detail = ""] = text.split(" ");
  switch (kind) {
    case "slow":
      return { kind, times: Number(detail.slice(1)) };
    case "errors":
      return { kind, ratio: Number(detail.slice(0, -1)) / 100 };
    case "flap":
      return { kind, ms: turnMs(detail) };
    default:
      return { kind: kind as "die" | "refuse" | "hang" };
  }
}

function turnMs(text: string): number {
  if (text === "") return 1_000;
  return text.endsWith("ms") ? Number(text.slice(0, -2)) : Number(text.slice(0, -1)) * 1_000;
}

function isPossible(value: unknown): boolean {
  const effect = value as Effect;
  if (effect.kind === "slow") return effect.times > 0;
  if (effect.kind === "errors") return effect.ratio <= 1;
  return effect.kind !== "flap" || effect.ms > 0;
}

/** An effect as it is written in a file. */
export function effectText(effect: Effect): string {
  if (effect.kind === "slow") return `slow x${effect.times}`;
  if (effect.kind === "errors") return `errors ${Number((effect.ratio * 100).toPrecision(12))}%`;
  if (effect.kind === "flap") return `flap ${effect.ms}ms`;
  return effect.kind;
}
