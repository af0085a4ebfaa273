import { z } from "zod";

/** Endpoints of a cluster, by their position; all of them without a range. */
export interface Target {
  /** As written. */
  readonly text: string;
  readonly cluster: string;
  readonly from?: number;
  readonly to?: number;
}

const error =
  "must be a cluster such as shop, one of its endpoints such as shop[1], or several such as shop[0-3]";
const pattern = /^([\w][\w.-]{0,62})(?:\[(\d{1,6})(?:-(\d{1,6}))?\])?$/;

/** `shop`, `shop[1]`, `shop[0-3]` */
export const target: z.ZodType<Target, string> = z.codec(
  z.string({ error }).regex(pattern, { error }),
  z.custom<Target>(isRange, {
    error: "must be a range from the lower to the higher number",
  }),
  {
    decode(text): Target {
      const [, cluster = "", from, to = from] = pattern.exec(text) ?? [];
      if (from === undefined) return { text, cluster };
      return { text, cluster, from: Number(from), to: Number(to) };
    },
    encode: ({ text }) => text,
  },
);

function isRange(value: unknown): boolean {
  const { from = 0, to = from } = value as Target;
  return from <= to;
}
