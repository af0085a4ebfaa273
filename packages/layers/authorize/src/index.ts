export * from "./authorize.ts";
export * from "./denied.ts";
export * from "./explain.ts";
export * from "./options.ts";
export { type RuleProblem, ruleProblems } from "./problems.ts";
export * from "./rule.ts";
