// The repository's own lint rules, each with its reason. Loaded by oxlint: see .oxlintrc.json.
import { ban, type Rule } from "./ban.ts";
import { noSharedInstanceof } from "./instanceof.ts";
import { noSleep } from "./sleep.ts";

const clock = "take the time from the injected Clock, so that a whole stack runs in virtual time.";
const timer =
  "set timers on the injected Clock: they fire in virtual time, and a test can see that none is left.";
const random = "draw from the injected Random, so that one seed gives one and the same run.";
const speech =
  "a library does not write to its user's terminal: return it, throw it or let describe() tell it.";
const signals =
  "make a Scope: it follows the caller's signal as well, and carries its deadline, which AbortSignal.any loses.";

const rules: Readonly<Record<string, Rule>> = {
  "injected-clock": ban([
    {
      reason: clock,
      members: { Date: ["now"], process: ["hrtime"] },
      globals: ["performance"],
      emptyDate: true,
    },
    { reason: clock, modules: /^(node:)?perf_hooks$/u },
    {
      reason: timer,
      globals: ["setTimeout", "setInterval", "setImmediate"],
      members: { AbortSignal: ["timeout"] },
    },
    { reason: timer, modules: /^(node:)?timers(\/promises)?$/u },
  ]),
  "injected-random": ban([{ reason: random, members: { Math: ["random"] } }]),
  "no-console": ban([{ reason: speech, globals: ["console"], modules: /^(node:)?console$/u }]),
  "no-lost-deadline": ban([{ reason: signals, members: { AbortSignal: ["any"] } }]),
  "no-shared-instanceof": noSharedInstanceof,
  "no-sleep": noSleep,
};

export default { meta: { name: "pagoda" }, rules };
