export * from "./authorize.ts";
export * from "./explain.ts";
export { type RuleProblem, ruleProblems } from "./problems.ts";
export * from "./rule.ts";
