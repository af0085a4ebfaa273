import {
  basicAuth as basicAuthLayer,
  type BasicAuthObserver,
  hashProblem,
  passwords,
  type Unauthorized,
} from "@pagoda/basic-auth";
import type { HttpRequest } from "@pagoda/http";
import type { Answer } from "@pagoda/respond";
import type { Vocabulary } from "../schema/vocabulary.ts";
import { definePolicy, type Environment, eventsOf } from "./policy.ts";

const events = eventsOf<BasicAuthObserver<HttpRequest>>("basic-auth", ["refused"], {
  refused: ({ reason }) => `refused: ${reason} credentials`,
});

const settings = ({ z, fields, text, secret }: Vocabulary) => {
  const user = text.regex(/^[^:\p{Cc}]+$/u, {
    error: "must be a name without colons and control characters",
  });
  const hash = text.refine((hash) => hashProblem(hash) === undefined, {
    error: "must be a hash made by `pagoda hash-password`",
  });
  return fields({
    users: z
      .record(user, secret(hash), { error: "must be an object of password hashes by user" })
      .describe("Password hashes by user, made by `pagoda hash-password`."),
    realm: text
      .regex(/^[ -~]*$/, { error: "must be visible ASCII and spaces" })
      .optional()
      .describe("Names what is protected, in the dialog of browsers. Default: restricted."),
  });
};

/**
 * Requires a name and a password. Stands inside the limits for clients, which bound how fast
 * passwords can be guessed, and how many hashes are computed.
 */
export const basicAuth = definePolicy({
  name: "basicAuth",
  at: ["listener", "route"],
  schema: (words: Vocabulary) =>
    settings(words)
      .optional()
      .describe(
        "Requires HTTP Basic authentication; requests without valid credentials get 401. `Authorization` is not passed on. Limit the rate of clients, too: checking a wrong password takes about 0.2 s of CPU time.",
      ),
  notSimulated: () => "every password is accepted",
  events,
  layer: ({ users, realm }, { observe }: Environment) =>
    basicAuthLayer({
      verify: passwords(users),
      ...(realm !== undefined && { realm }),
      observer: observe(events),
    }),
  answers: {
    Unauthorized: ({ challenge }: Unauthorized): Answer => ({
      status: 401,
      message: "a name and a password are required",
      headers: { "www-authenticate": challenge },
    }),
  },
  explain: ({ users }) => ({
    text: `requires the password of one of ${Object.keys(users).length} users`,
    passes: true,
  }),
});
