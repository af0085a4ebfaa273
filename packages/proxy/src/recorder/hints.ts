import type { CallRecord, RecordedTry } from "./call-record.ts";
import { tlsHint } from "./tls-hints.ts";

/** What to look at next: at most one hint for each thing that went wrong, the most telling first. */
export function hintsFor(call: CallRecord): readonly string[] {
  const hints = rules.filter(({ applies }) => applies(call)).map(({ hint }) => hint(call));
  return hints.slice(0, maxHints).map((hint) => `hint: ${hint}`);
}

const maxHints = 2;

interface Rule {
  readonly applies: (call: CallRecord) => boolean;
  readonly hint: (call: CallRecord) => string;
}

const rules: readonly Rule[] = [
  {
    applies: ({ reason }) => reason === "unread",
    hint: ({ status }) =>
      status === undefined
        ? "tls_handshakes_failed_total counts failed handshakes by reason; `tls` of the listener has versions, ciphers and `clients`"
        : `http_requests_refused_total{status="${status}"} counts these; the client has the reason in the body of its response`,
  },
  {
    applies: (call) => handshakeHint(call) !== undefined,
    hint: (call) => handshakeHint(call) as string,
  },
  {
    applies: ({ fault }) => fault?.tag === "RateLimited",
    hint: (call) =>
      `this is \`rateLimit\` of ${limitedPlace(call)}; stack_events_total{layer="rate-limit"} counts its refusals`,
  },
  {
    applies: ({ fault, status }) => fault === undefined && status === 429,
    hint: () => "the origin limits the rate, not the proxy",
  },
  {
    applies: ({ fault }) => fault?.tag === "NoRoute",
    hint: ({ method, scheme, authority, path }) =>
      `\`pagoda explain ${method} ${scheme}://${authority}${path}\` says why no route matches`,
  },
  {
    applies: (call) => unreachable(call) !== undefined,
    hint: (call) => {
      const { upstream, fault } = unreachable(call) as RecordedTry;
      return `${upstream} cannot be reached${fault?.cause === undefined ? "" : ` (${fault.cause})`}: is it running?`;
    },
  },
  {
    applies: (call) => flapping(call) !== undefined,
    hint: (call) => {
      const { endpoint, recent } = flapping(call) as Endpoint;
      return `${endpoint} fails now and then: in the last 5 minutes ${recent.succeeded} calls succeeded, ${recent.failed} failed`;
    },
  },
  {
    applies: ({ fault, reason }) =>
      reason === "slow" || (fault !== undefined && /TimedOut|DeadlineExceeded/.test(fault.tag)),
    hint: () => "`pagoda top` shows which endpoint is slow now; `timeout` of the route bounds the wait",
  },
  {
    applies: ({ cluster, reason, status }) =>
      cluster !== undefined && status !== 429 && (reason === "failed" || reason === "refused"),
    hint: ({ cluster }) => `/clusters has the present state of each endpoint of ${cluster ?? ""}`,
  },
];

/** Where the rate limit stands that refused a call: a listener and its route may both have one. */
function limitedPlace({ trail, listener, route }: CallRecord): string {
  const refused = trail.find(
    (entry) => entry.kind === "event" && entry.layer === "rate-limit" && entry.event === "refused",
  );
  if (refused?.kind === "event" && refused.of !== undefined) return refused.of;
  return route === undefined ? `listener ${listener}` : `route ${route.name}`;
}

/** A try without a connection. A server whose handshake fails runs. */
function unreachable(call: CallRecord): RecordedTry | undefined {
  return triesOf(call).find(({ fault }) => fault?.tag === "ConnectFailed" && tlsHint(fault) === undefined);
}

function handshakeHint(call: CallRecord): string | undefined {
  const faults = [call.fault, ...triesOf(call).map(({ fault }) => fault)];
  return faults.map((fault) => fault && tlsHint(fault)).find((hint) => hint !== undefined);
}

function triesOf({ trail }: CallRecord): readonly RecordedTry[] {
  return trail.filter((entry) => entry.kind === "try");
}

type Endpoint = NonNullable<CallRecord["endpoints"]>["shown"][number];

/** An endpoint that the call was sent to, if a good part of its recent calls succeed and a good part fail. */
function flapping({ endpoints, upstream, trail }: CallRecord): Endpoint | undefined {
  const tried = new Set(trail.map((entry) => (entry.kind === "try" ? entry.upstream : upstream)));
  return endpoints?.shown.find(
    ({ endpoint, recent: { succeeded, failed } }) =>
      (endpoint === upstream || tried.has(endpoint)) &&
      Math.min(succeeded, failed) * 10 >= Math.max(10, succeeded + failed),
  );
}
