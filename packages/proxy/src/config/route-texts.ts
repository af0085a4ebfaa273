import type { MatchExplanation } from "@pagoda/router";

/** Why a route that also matches is not chosen, by the rule that decides. */
export const lostTexts: Readonly<Record<NonNullable<MatchExplanation["lostBy"]>, string>> = {
  host: "its host is less specific",
  path: "its path is less specific",
  methods: "it does not restrict the method",
  headers: "it has fewer header conditions",
  query: "it has fewer query conditions",
  order: "it comes later in the file",
};
