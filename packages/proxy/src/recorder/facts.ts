import type { Fault, Json } from "@pagoda/core";
import type { RecordedFault } from "./call-record.ts";

/** Longer strings are cut: they may come from an origin or a client. */
export const maxText = 256;
const maxFields = 16;

/** Cuts a string, and replaces control characters, which could forge lines and control a terminal. */
export function bounded(text: string, max: number = maxText): string {
  const cut = text.length > max ? `${text.slice(0, max)}…` : text;
  return cut.replaceAll(/[\p{Cc}\u2028\u2029]/gu, "\u{FFFD}");
}

/** Plain data of a fact: nothing that keeps anything else in memory, and nothing long. */
export function plain(fact: unknown): Json {
  if (typeof fact === "string") return bounded(fact);
  if (typeof fact === "number" || typeof fact === "boolean") return fact;
  if (typeof fact !== "object" || fact === null) return null;
  if (Array.isArray(fact)) return fact.slice(0, maxFields).map(shallow);
  return fieldsOf(fact);
}

export function recordedFault({ _tag, origin, cause, retryable: _, ...rest }: Fault): RecordedFault {
  const text = causeText(cause);
  return { tag: _tag, origin, facts: fieldsOf(rest), ...(text !== "" && { cause: text }) };
}

function fieldsOf(value: object): Readonly<Record<string, Json>> {
  const fields: Record<string, Json> = {};
  for (const [name, field] of Object.entries(value).slice(0, maxFields)) {
    if (field === undefined) continue;
    if (name === "cause" || field instanceof Error) fields[name] = causeText(field);
    else fields[name] = shallow(field);
  }
  return fields;
}

function shallow(value: unknown): Json {
  if (typeof value === "string") return bounded(value);
  if (typeof value === "number" || typeof value === "boolean") return value;
  if (Array.isArray(value)) return value.slice(0, maxFields).map((each) => bounded(String(each)));
  const tag = (value as { readonly _tag?: unknown } | null)?._tag;
  return typeof tag === "string" ? tag : null;
}

/** `limit global, perSecond 10`. */
export function factsText(facts: Readonly<Record<string, Json>>): string {
  return Object.entries(facts)
    .filter(([name]) => !saidElsewhere.has(name))
    .map(([name, value]) => `${name} ${factText(value)}`)
    .join(", ");
}

export function factText(fact: Json): string {
  if (typeof fact === "number") return String(Math.round(fact * 100) / 100);
  if (typeof fact === "string") return fact;
  if (typeof fact !== "object" || fact === null || Array.isArray(fact)) return JSON.stringify(fact);
  return factsText(fact as Readonly<Record<string, Json>>);
}

const saidElsewhere: ReadonlySet<string> = new Set([
  "_tag",
  "origin",
  "retryable",
  "upstream",
  "processed",
  "code",
  "cause",
]);

/** An `AggregateError`, as when every address of a host refuses, has an empty message: joins theirs. */
function causeText(cause: unknown): string {
  if (cause === undefined || cause === null) return "";
  const { _tag, code, message, errors } = Object(cause) as {
    readonly _tag?: unknown;
    readonly code?: unknown;
    readonly message?: unknown;
    readonly errors?: unknown;
  };
  if (typeof _tag === "string") return bounded(_tag);
  if (isOfOtherName(cause)) return bounded(otherNameText(cause));
  const several = Array.isArray(errors) ? errors.slice(0, 4).map(causeText).join("; ") : "";
  const text = typeof message === "string" && message !== "" ? message : several;
  const named = typeof code === "string" && !text.includes(code) ? `${code}: ${text}` : text;
  return bounded(named === "" ? String(cause) : named);
}

/** Node's error of a certificate that does not name its host. */
interface OtherName {
  readonly host: string;
  readonly cert: { readonly subjectaltname?: string; readonly subject?: { readonly CN?: string } };
}

function isOfOtherName(error: unknown): error is OtherName {
  const { code, host, cert } = Object(error) as { readonly code?: unknown } & Partial<OtherName>;
  return code === "ERR_TLS_CERT_ALTNAME_INVALID" && typeof host === "string" && typeof cert === "object";
}

/** Says what Node leaves out: for an address, its text lists only addresses. */
function otherNameText({ host, cert: { subjectaltname, subject } }: OtherName): string {
  const names = subjectaltname ?? `nothing${subject?.CN === undefined ? "" : ` but CN=${subject.CN}`}`;
  return `the certificate does not name ${host.replace(/\.$/, "")}: it names ${names}`;
}
