export * from "./basic-auth.ts";
export type { Credentials } from "./credentials.ts";
export { hashPassword, hashProblem } from "./password-hash.ts";
export * from "./passwords.ts";
