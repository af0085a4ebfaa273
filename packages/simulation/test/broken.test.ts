import { parts, type Parts } from "../src/parts.ts";
import { type Ran, run, type RunOptions } from "../src/run.ts";
import { abortsReachInner } from "../src/invariants/aborts.ts";
import { withinBudget } from "../src/invariants/budget.ts";
import { exactProbes } from "../src/invariants/half-open.ts";
import { nothingLeft } from "../src/invariants/leftovers.ts";
import { withinRate } from "../src/invariants/rate.ts";
import { refusalsAreNeutral } from "../src/invariants/refusals.ts";
import { byteExact } from "../src/invariants/replays.ts";
import { shedsWhatIsTooMuch } from "../src/invariants/shed.ts";
import { slotsGivenBack } from "../src/invariants/slots.ts";
import { ejectsFew, notStuck, onlyFitEndpoints } from "../src/invariants/endpoints.ts";
import { splitsByWeight, takesItsRoute } from "../src/invariants/routes.ts";
import { noWakeUpLost } from "../src/invariants/wake-ups.ts";
import type { StackName } from "../src/stacks/index.ts";
import { answersFit } from "../src/invariants/answers.ts";
import { describe, expect, test } from "vitest";
import { countsRefusals, flawed } from "./broken/breakers.ts";
import {
  depositsForTries,
  endless,
  flawedTimeout,
  leavesLosers,
  mixesAnswers,
  stammering,
} from "./broken/calls.ts";
import {
  alwaysFirst,
  ejectsAll,
  ignoresHeaders,
  ignoresHealth,
  leavesInterval,
  likesFailures,
  neverForgets,
} from "./broken/choice.ts";
import { flawedLimit, learnsFromRefusals, neverSheds, spendsBoth, windowed } from "./broken/limits.ts";

interface Case {
  readonly what: string;
  readonly stack: StackName;
  readonly broken: Partial<Parts>;
  readonly invariant: string;
  /** Where to look first. */
  readonly seeds?: readonly number[];
}

const cases: readonly Case[] = [
  {
    what: "a budget that is never spent",
    stack: "client",
    broken: { budget: endless },
    invariant: withinBudget,
  },
  {
    what: "a retry that deposits for each try",
    stack: "gateway",
    broken: { retry: depositsForTries },
    invariant: withinBudget,
  },
  {
    what: "a breaker that lets all through while it is half-open",
    stack: "direct",
    broken: { circuitBreaker: flawed({ allProbe: true }) },
    invariant: exactProbes,
  },
  {
    what: "a breaker in which an aborted probe keeps its slot",
    stack: "direct",
    broken: { circuitBreaker: flawed({ keepsSlots: true }) },
    invariant: exactProbes,
  },
  {
    what: "a limiter with windows",
    stack: "server",
    broken: { rateLimit: windowed as Parts["rateLimit"] },
    invariant: withinRate,
  },
  {
    what: "a limiter that spends what it refuses",
    stack: "server",
    broken: { rateLimit: spendsBoth as Parts["rateLimit"] },
    invariant: withinRate,
  },
  {
    what: "a concurrency limit that loses the slots of aborted calls",
    stack: "client",
    broken: { concurrencyLimit: flawedLimit({ losesSlots: true }) },
    invariant: slotsGivenBack,
  },
  {
    what: "a concurrency limit that admits one too many",
    stack: "gateway",
    broken: { concurrencyLimit: flawedLimit({ offByOne: true }) },
    invariant: slotsGivenBack,
  },
  {
    what: "a concurrency limit that wakes nobody after an abort",
    stack: "server",
    broken: { concurrencyLimit: flawedLimit({ losesWakeUps: true }) },
    invariant: noWakeUpLost,
  },
  {
    what: "a recorded body that repeats itself",
    stack: "gateway",
    broken: { replayBody: stammering },
    invariant: byteExact,
  },
  {
    what: "a timeout that passes an abort on later",
    stack: "gateway",
    broken: { timeout: flawedTimeout({ isLate: true }) },
    invariant: abortsReachInner,
  },
  {
    what: "a hedge that leaves the loser alone",
    stack: "client",
    broken: { hedge: leavesLosers },
    invariant: abortsReachInner,
  },
  {
    what: "a timeout that forgets the answer",
    stack: "server",
    broken: { timeout: flawedTimeout({ forgets: true }) },
    invariant: abortsReachInner,
  },
  {
    what: "a breaker that counts local refusals",
    stack: "gateway",
    broken: { circuitBreaker: countsRefusals },
    invariant: refusalsAreNeutral,
  },
  {
    what: "a limit that learns from local refusals",
    stack: "client",
    broken: { concurrencyLimit: learnsFromRefusals },
    invariant: refusalsAreNeutral,
  },
  {
    what: "a load-shed that lets everything through",
    stack: "server",
    broken: { loadShed: neverSheds },
    invariant: shedsWhatIsTooMuch,
  },
  {
    what: "a timeout that leaves its timers",
    stack: "gateway",
    broken: { timeout: flawedTimeout({ keepsTimer: true }) },
    invariant: nothingLeft,
  },
  {
    what: "a timeout that leaves its listeners",
    stack: "server",
    broken: { timeout: flawedTimeout({ keepsListener: true }) },
    invariant: nothingLeft,
  },
  {
    what: "a hedge that mixes up the answers",
    stack: "client",
    broken: { hedge: mixesAnswers },
    invariant: answersFit,
  },
  {
    what: "a balancer that calls endpoints that have gone",
    stack: "mesh",
    broken: { balance: neverForgets },
    invariant: onlyFitEndpoints,
  },
  {
    what: "a balancer that ignores health",
    stack: "mesh",
    broken: { balance: ignoresHealth },
    invariant: onlyFitEndpoints,
  },
  {
    what: "a detection that ejects whatever stands out",
    stack: "mesh",
    broken: { outlierDetection: ejectsAll },
    invariant: ejectsFew,
  },
  {
    what: "a detection that leaves its timer",
    stack: "mesh",
    broken: { outlierDetection: leavesInterval },
    invariant: nothingLeft,
  },
  {
    what: "a strategy that takes a failure for a fast answer",
    stack: "mesh",
    broken: { peakEwma: likesFailures },
    invariant: notStuck,
    // A cluster with that strategy, nobody who ejects, and one that fails while another has been well for long.
    seeds: [33],
  },
  {
    what: "a router that looks at no header",
    stack: "mesh",
    broken: { router: ignoresHeaders },
    invariant: takesItsRoute,
  },
  {
    what: "a router that always takes the first cluster of a split",
    stack: "mesh",
    broken: { router: alwaysFirst },
    invariant: splitsByWeight,
  },
];

const someSeeds = [1, 2, 3, 4, 5, 6, 7, 8];

/** The first run in which an invariant breaks, if any. */
async function firstBroken(
  options: Omit<RunOptions, "seed">,
  seeds: readonly number[] = someSeeds,
): Promise<Ran | undefined> {
  for (const seed of seeds) {
    const ran = await run({ ...options, seed });
    if (ran.report !== undefined) return ran;
  }
  return undefined;
}

describe("a broken layer", () => {
  test.each(cases)("is caught: $what", async ({ stack, broken, invariant, seeds }) => {
    const options = { calls: 5_000, stack, parts: { ...parts, ...broken } };
    const { name, report, digest } = (await firstBroken(options, seeds)) as Ran;
    expect(report).toContain(`invariant broken: ${invariant}\n`);
    expect(report).toContain(`npm run simulate -- --seed ${name.seed} --calls 5000 --stack ${stack}`);
    // That line makes the very same happen again.
    const again = await run({ ...options, seed: name.seed });
    expect([again.report, again.digest]).toEqual([report, digest]);
  });

  test.each([
    ["breaker", { circuitBreaker: flawed({}) }],
    ["concurrency limit", { concurrencyLimit: flawedLimit({}) }],
    ["timeout", { timeout: flawedTimeout({}) }],
  ] as const)("that is not broken passes: the %s without its flaws", async (_what, broken) => {
    for (const stack of ["direct", "gateway"] as const) {
      const ran = await firstBroken({ calls: 2_000, stack, parts: { ...parts, ...broken } });
      expect(ran?.report).toBeUndefined();
    }
  });
});
