import { z } from "zod";

/**
 * A number with a unit, as people write it; in the schema for editors a string of that form.
 *
 * @param isWhole Parts of the smallest unit are rounded.
 */
function quantity(
  what: string,
  units: Readonly<Record<string, number>>,
  examples: string,
  isWhole: boolean,
): Quantity {
  const names = Object.keys(units);
  const pattern = new RegExp(`^(\\d+(?:\\.\\d+)?) ?(${names.join("|")})$`);
  const valid = `${what}: a number and one of ${names.join(", ")}, such as ${examples}`;
  return (least, most, range) =>
    z
      .string({ error: () => `valid is ${valid}` })
      .regex(pattern, { error: `valid is ${valid}` })
      .transform((text) => {
        const [, number, unit] = pattern.exec(text) as unknown as [string, string, string];
        const value = Number(number) * (units[unit] as number);
        return isWhole ? Math.round(value) : value;
      })
      .refine((value) => value >= least && value <= most, { error: `valid is ${what} ${range}` });
}

/** @param range For people: from what to what. */
type Quantity = (least: number, most: number, range: string) => z.ZodType<number, string>;

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

/** Milliseconds out of `250ms`, `5s`, `1.5m`, `1h`. */
const anyDuration = quantity("a duration", { ms: 1, s: second, m: minute, h: hour }, "250ms or 5s", true);

/** What timers can take. */
const longest = 2_147_483_647;

export const duration: z.ZodType<number, string> = anyDuration(1, longest, "from 1ms to 596h");
export const durationOrNone: z.ZodType<number, string> = anyDuration(
  0,
  longest,
  "from 0ms (no limit) to 596h",
);
/** What rates are measured over. */
export const window: z.ZodType<number, string> = anyDuration(10, longest, "from 10ms to 596h");

/** A duration as people write it. */
export function durationText(ms: number): string {
  if (ms >= hour && ms % hour === 0) return `${ms / hour}h`;
  if (ms >= minute && ms % minute === 0) return `${ms / minute}m`;
  return ms >= second && ms % second === 0 ? `${ms / second}s` : `${ms}ms`;
}

const kibi = 1_024;

/** Bytes out of `512B`, `64KiB`, `1.5MiB`, `1GiB`. */
export const size: z.ZodType<number, string> = quantity(
  "a size",
  { B: 1, KiB: kibi, MiB: kibi ** 2, GiB: kibi ** 3 },
  "64KiB or 1MiB",
  true,
)(0, 2 ** 40, "from 0B to 1024GiB");

/** Calls a second out of `100/s`, `10/m`, `5000/h`. */
export const rate: z.ZodType<number, string> = quantity(
  "a rate",
  { "/s": 1, "/m": 1 / 60, "/h": 1 / 3_600 },
  "100/s or 10/m",
  false,
)(1 / 86_400, 1_000_000, "from 1/h to 1000000/s");

const share = z
  .union([z.number(), z.string().regex(/^\d+(?:\.\d+)?%$/)], { error: "valid is a share such as 20% or 0.2" })
  .transform((value) => (typeof value === "number" ? value : Number(value.slice(0, -1)) / 100));

/** A share from 0 to 1 out of `20%` or `0.2`. */
export const ratio: z.ZodType<number, string | number> = share.refine((value) => value >= 0 && value <= 1, {
  error: "valid is a share from 0% to 100%",
});
export const ratioOverNone: z.ZodType<number, string | number> = share.refine(
  (value) => value > 0 && value <= 1,
  { error: "valid is a share over 0%, up to 100%" },
);
export const ratioBelowAll: z.ZodType<number, string | number> = share.refine(
  (value) => value >= 0 && value < 1,
  { error: "valid is a share from 0%, below 100%" },
);
