import type { HttpRequest, WithClaims } from "@pagoda/http";
import {
  fetchedKeys,
  fixedKeys,
  type InvalidToken,
  type Issuer,
  jwt as jwtLayer,
  type JwtObserver,
  type KeySet,
  type KeySetObserver,
  keySet,
  keysProblem,
  type KeysUnavailable,
  TokenCache,
  tokenAlgorithms,
} from "@pagoda/jwt";
import type { Answer } from "@pagoda/respond";
import { defined } from "../schema/defined.ts";
import { checkField } from "../schema/report.ts";
import type { Vocabulary } from "../schema/vocabulary.ts";
import { claimPath } from "./claims.ts";
import { definePolicy, type Environment, eventsOf, type PolicyFile } from "./policy.ts";
import { retryAfter } from "./retry-after.ts";

const events = eventsOf<JwtObserver>("jwt", ["refused", "unavailable"], {
  refused: ({ reason }) => `refused: the token is not accepted (${reason})`,
  unavailable: () => "the keys to verify tokens are not available",
});
const keyEvents = eventsOf<KeySetObserver>("jwt-keys", ["loaded", "failed"]);

const maxSkewMs = 300_000;

const keys = ({ z, fields, text, bare, duration }: Vocabulary) =>
  z.union(
    [
      fields({
        file: text.min(1).describe("File with the JSON Web Key Set, reloaded when it changes."),
      }),
      fields({
        url: bare(
          z.url({
            protocol: /^https?$/,
            error: "must be a URL such as https://id.example/.well-known/jwks.json",
          }),
        ).describe("URL of the JSON Web Key Set: `jwks_uri` in the metadata of the issuer."),
        refresh: duration
          .optional()
          .describe(
            "Age at which the keys are requested again, while the old ones are used. A token with an unknown key has them requested at once, at most every 30s. Default: 5m.",
          ),
        ca: text
          .min(1)
          .optional()
          .describe("File with the CA certificates (PEM) that verify the server. Default: Node's."),
      }),
    ],
    { error: "must be { file } or { url, refresh, ca }" },
  );

const settings = (words: Vocabulary) => {
  const { z, fields, text, some, word, flag, durationOrNone } = words;
  const audiences = z.union([z.literal("any"), some(text.min(1))], {
    error: "must be any, or a list with at least one audience",
  });
  const issuer = fields({
    issuer: text.min(1).describe("The claim `iss` of its tokens."),
    audiences: audiences.describe(
      "The claim `aud` of a token must contain one of these. `any` also accepts tokens for other services, whose operators can then use them here.",
    ),
    jwks: keys(words).describe("Its public keys, from a file or a URL."),
    algorithms: some(word(tokenAlgorithms))
      .optional()
      .describe("Accepted signature algorithms. Default: all of them; none has a shared secret."),
    clockSkew: durationOrNone
      .refine((ms) => ms <= maxSkewMs, { error: "must be a duration from 0ms to 5m" })
      .optional()
      .describe("How far its clock may be off. Default: 30s."),
  });
  return fields({
    issuers: some(issuer).describe("Issuers whose tokens are accepted."),
    optional: flag
      .default(false)
      .describe("Lets requests without a token pass; requests with an invalid one get 401 anyway."),
    forward: flag.default(false).describe("Passes the token on to the origin."),
    headers: z
      .record(text, claimPath(words))
      .optional()
      .describe(
        "Request header fields set from claims, such as `x-user: sub`; what the client sent under these names is removed. Text is set as it is, in UTF-8, everything else as JSON. Routes may match them if the policy is a listener's.",
      ),
    realm: text
      .regex(/^[ -~]*$/, { error: "must be visible ASCII and spaces" })
      .optional()
      .describe("Names what is protected, in the challenge. Default: restricted."),
  });
};

type Settings = import("zod").output<ReturnType<typeof settings>>;
type IssuerSettings = Settings["issuers"][number];

/**
 * Requires a JSON Web Token. Stands outside everything that may use its claims: rules and limits. A
 * limit on the listener bounds what the tokens of a route cost.
 */
export const jwt = definePolicy({
  name: "jwt",
  at: ["listener", "route"],
  schema: (words: Vocabulary) =>
    settings(words)
      .optional()
      .describe(
        "Requires a JSON Web Token in `Authorization: Bearer`; requests without a valid one get 401. Its claims can be used by `authorize`, `rateLimit` and `clientConcurrency`.",
      ),
  check({ issuers, headers = {} }, { path, report }) {
    issuers.forEach(({ issuer }, n) => {
      if (issuers.findIndex((each) => each.issuer === issuer) < n)
        report([...path, "issuers", n, "issuer"], `duplicate issuer "${issuer}"`);
    });
    for (const name of Object.keys(headers)) checkField([...path, "headers", name], name, report);
  },
  files: ({ issuers }) =>
    issuers.flatMap(({ jwks }, n): PolicyFile[] => {
      const path = ["issuers", n, "jwks"];
      if ("file" in jwks) return [{ path: [...path, "file"], name: jwks.file, problem: keysProblem }];
      return jwks.ca === undefined ? [] : [{ path: [...path, "ca"], name: jwks.ca, problem: "certificates" }];
    }),
  notSimulated: () => "every request is accepted, with the claims in the scenario",
  events,
  state: {
    boundTo: ({ issuers }, { file }: Environment) => [
      issuers,
      issuers.map(({ jwks }) => ("file" in jwks ? file(jwks.file) : jwks.ca && file(jwks.ca))),
    ],
    create({ issuers }, environment: Environment) {
      const counts: KeyCounts = { to: {} };
      return {
        cache: new TokenCache(),
        keys: issuers.map((issuer) => keysOf(issuer, environment, counts)),
        counts,
      };
    },
  },
  layer({ issuers, optional, forward, headers, realm }, { observe, clock }: Environment, kept) {
    // The keys outlive the configuration that they were made for.
    if (issuers.some(({ jwks }) => "url" in jwks)) kept.counts.to = observe(keyEvents);
    return jwtLayer({
      issuers: issuers.map(({ issuer, audiences, algorithms, clockSkew }, n): Issuer => ({
        issuer,
        audiences,
        keys: kept.keys[n] as KeySet,
        ...defined({ algorithms, clockSkewMs: clockSkew }),
      })),
      optional,
      keepHeader: forward,
      ...defined({ claimHeaders: headers, realm }),
      cache: kept.cache,
      observer: observe(events),
      clock,
    });
  },
  answers: {
    InvalidToken: ({ reason, status, challenge }: InvalidToken): Answer => ({
      status,
      message: reason === "missing" ? "a token is required" : "the token is not valid",
      headers: { "www-authenticate": challenge },
    }),
    KeysUnavailable: ({ retryAfterMs }: KeysUnavailable): Answer => ({
      status: 503,
      message: "tokens cannot be verified now",
      headers: retryAfter(retryAfterMs),
    }),
  },
  explain({ issuers, optional }, request: HttpRequest & Partial<WithClaims>) {
    const names = issuers.map(({ issuer }) => issuer).join(", ");
    if (request.claims !== undefined)
      return { text: `a token of ${names}, assumed to be valid`, passes: true };
    if (request.headers.has("authorization"))
      return { text: `the token, which is not verified here, must be of ${names}`, passes: true };
    return optional
      ? { text: `no token, which is optional`, passes: true }
      : { text: `no token: 401; requires one of ${names}`, passes: false };
  },
});

/** Where loads of keys are counted: in the place of the current configuration. */
export interface KeyCounts {
  to: KeySetObserver;
}

function keysOf({ issuer, jwks }: IssuerSettings, environment: Environment, counts: KeyCounts): KeySet {
  if ("file" in jwks) return fixedKeys(environment.file(jwks.file));
  const { url, refresh, ca } = jwks;
  const tls = ca === undefined ? {} : { tls: { ca: environment.file(ca) } };
  const log = environment.log.child({ issuer });
  return keySet({
    // A client for each request, every few minutes: nothing is left open in between.
    async load(signal) {
      const { undiciClient } = await import("../undici-client.ts");
      const client = undiciClient(new URL(url).origin, tls);
      try {
        return await fetchedKeys(client, url)(signal);
      } finally {
        void client.close();
      }
    },
    ...defined({ refreshMs: refresh }),
    clock: environment.clock,
    observer: {
      loaded(keys) {
        counts.to.loaded?.(keys);
        log.info({ keys }, "token keys loaded");
      },
      failed(err) {
        counts.to.failed?.(err);
        log.warn({ err }, "cannot load token keys; keeping the previous ones");
      },
    },
  });
}
