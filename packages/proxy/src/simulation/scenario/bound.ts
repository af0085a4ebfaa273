import { z } from "zod";

/** What a measurement must be. */
export interface Bound {
  /** `< 250ms`: as written. */
  readonly text: string;
  readonly sign: "<" | "<=" | ">" | ">=";
  /** In the unit of the measurement: milliseconds, a ratio from 0 to 1, or a plain number. */
  readonly value: number;
}

const number = String.raw`(\d+(?:\.\d+)?)`;

/** The units of a bound, with the factor to that of the measurement. */
type Units = Readonly<Record<string, number>>;

function bound(what: string, units: Units): z.ZodType<Bound, string> {
  const error = `must be ${what}`;
  const pattern = new RegExp(`^(<=|>=|<|>) ?${number}(${Object.keys(units).join("|")})$`);
  return z.codec(
    z.string({ error }).regex(pattern, { error }),
    z.custom<Bound>(() => true),
    {
      decode(text): Bound {
        const [, sign, value, unit] = pattern.exec(text) as unknown as [
          string,
          Bound["sign"],
          string,
          string,
        ];
        return { text, sign, value: Number(value) * (units[unit] as number) };
      },
      encode: ({ text }) => text,
    },
  );
}

/** `< 250ms` */
export const latencyBound: z.ZodType<Bound, string> = bound(
  "a bound with <, <=, > or >= and a duration, such as < 250ms",
  { ms: 1, s: 1_000 },
);
/** `> 99.9%` */
export const shareBound: z.ZodType<Bound, string> = bound(
  "a bound with <, <=, > or >= and a share, such as > 99.9%",
  { "%": 0.01 },
);
/** `< 1.25` */
export const numberBound: z.ZodType<Bound, string> = bound(
  "a bound with <, <=, > or >= and a number, such as < 1.25",
  { "": 1 },
);

/** Whether a measurement is within a bound. Without a measurement there is nothing to be within. */
export function holds({ sign, value }: Bound, measured: number): boolean {
  switch (sign) {
    case "<":
      return measured < value;
    case "<=":
      return measured <= value;
    case ">":
      return measured > value;
    case ">=":
      return measured >= value;
  }
}
