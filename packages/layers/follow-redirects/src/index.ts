export type { RedirectRefused, RefusalReason, TooManyRedirects } from "./faults.ts";
export * from "./follow-redirects.ts";
