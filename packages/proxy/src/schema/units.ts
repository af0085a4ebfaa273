import { maxTimerMs } from "@pagoda/core";
import { z } from "zod";
import { durations, exact, inUnits, second } from "./quantities.ts";

/**
 * A number with a unit; in the schema for editors a string of that form.
 *
 * @param units Their names, from smallest to largest, with their sizes.
 * @param isWhole Fractions of the smallest unit are rounded.
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
  const error = `must be ${valid}`;
  return (least, most, range) =>
    z.codec(
      z.string({ error }).regex(pattern, { error }),
      z.number().refine((value) => value >= least && value <= most, { error: `must be ${what} ${range}` }),
      {
        decode(text) {
          const [, number, unit] = pattern.exec(text) as unknown as [string, string, string];
          const value = Number(number) * (units[unit] as number);
          return isWhole ? Math.round(value) : value;
        },
        encode: (value) => inUnits(value, units),
      },
    );
}

/** @param range The valid range, for messages. */
type Quantity = (least: number, most: number, range: string) => z.ZodType<number, string>;

const anyDuration = quantity("a duration", durations, "250ms or 5s", true);

export const duration: z.ZodType<number, string> = anyDuration(1, maxTimerMs, "from 1ms to 596h");
/** A time counted from the start of something. */
export const moment: z.ZodType<number, string> = anyDuration(0, maxTimerMs, "from 0ms to 596h");
/** A duration that may be shorter than a millisecond. */
export const latency: z.ZodType<number, string> = quantity(
  "a duration",
  durations,
  "4ms or 0.5ms",
  false,
)(0.001, maxTimerMs, "from 0.001ms to 596h");
/** How long something may be silent before it is given up. */
export const patience: z.ZodType<number, string> = anyDuration(second, maxTimerMs, "from 1s to 596h");
export const durationOrNone: z.ZodType<number, string> = anyDuration(
  0,
  maxTimerMs,
  "from 0ms (no limit) to 596h",
);
/** How long leased calls are held; 0: each call is asked for. */
export const leaseDuration: z.ZodType<number, string> = anyDuration(0, 60 * second, "from 0ms to 60s");
/** The window over which rates are measured. */
export const window: z.ZodType<number, string> = anyDuration(10, maxTimerMs, "from 10ms to 596h");

const kibi = 1_024;

/** Parses `512B`, `64KiB`, `1.5MiB` or `1GiB` to bytes. */
export const size: z.ZodType<number, string> = quantity(
  "a size",
  { B: 1, KiB: kibi, MiB: kibi ** 2, GiB: kibi ** 3 },
  "64KiB or 1MiB",
  true,
)(0, 2 ** 40, "from 0B to 1024GiB");

/** Parses `240B/s` or `1KiB/s` to bytes a second; 0: any. */
export const byteRate: z.ZodType<number, string> = quantity(
  "a rate",
  { "B/s": 1, "KiB/s": kibi, "MiB/s": kibi ** 2 },
  "240B/s or 1KiB/s",
  true,
)(0, 2 ** 30, "from 0B/s (no limit) to 1024MiB/s");

/** Parses `100/s`, `10/m` or `5000/h` to calls a second. */
export const rate: z.ZodType<number, string> = quantity(
  "a rate",
  { "/h": 1 / 3_600, "/m": 1 / 60, "/s": 1 },
  "100/s or 10/m",
  false,
)(1 / 3_600, 1_000_000, "from 1/h to 1000000/s");

/** Parses `20%` or `0.2` to a ratio from 0 to 1. */
function share(range: string, isValid: (value: number) => boolean): z.ZodType<number, string | number> {
  return z.codec(
    z.union([z.number(), z.string().regex(/^\d+(?:\.\d+)?%$/)], {
      error: "must be a share such as 20% or 0.2",
    }),
    z.number().refine(isValid, { error: `must be a share ${range}` }),
    {
      decode: (value) => (typeof value === "number" ? value : Number(value.slice(0, -1)) / 100),
      encode: (value) => `${exact(value * 100)}%`,
    },
  );
}

export const ratio: z.ZodType<number, string | number> = share(
  "from 0% to 100%",
  (value) => value >= 0 && value <= 1,
);
export const ratioOverNone: z.ZodType<number, string | number> = share(
  "over 0%, up to 100%",
  (value) => value > 0 && value <= 1,
);
export const ratioBelowAll: z.ZodType<number, string | number> = share(
  "from 0%, below 100%",
  (value) => value >= 0 && value < 1,
);
