import type { TraceState as ApiTraceState } from "@opentelemetry/api";

type Member = readonly [key: string, value: string];

/** More members make a list invalid. */
const maxMembers = 32;
/** What must be passed on of a list; a longer one may be cut. */
const maxLength = 512;
/** Longer members are cut first. */
const longMember = 128;

const validKey = /^[a-z0-9][a-z0-9_\-*/@]{0,255}$/;
/** Visible ASCII and spaces without comma and equals sign, not ending with a space. */
const validValue = /^[ -+\--<>-~]{0,255}[!-+\--<>-~]$/;

/**
 * What tracing systems carry along beside the trace's ids: keys with values, the one written last first. Immutable: a
 * change gives a new list.
 *
 * At most 32 members are kept, and `serialize` writes at most 512 characters: members of more than 128 are left out
 * first, then those at the end.
 *
 * Source: W3C Trace Context, Level 2, `tracestate`.
 */
export class TraceState implements ApiTraceState {
  readonly #members: readonly Member[];

  private constructor(members: readonly Member[]) {
    this.#members = members;
  }

  static readonly empty: TraceState = new TraceState([]);

  /**
   * Reads a field, or several put together with commas. Of members with the same key the first counts.
   *
   * @returns `undefined` for a list with a malformed member, or with more than 32: it is dropped as a whole.
   */
  static parse(text: string): TraceState | undefined {
    const members: Member[] = [];
    const keys = new Set<string>();
    let count = 0;
    for (const part of text.split(",")) {
      const member = part.trim();
      if (member === "") continue;
      if (++count > maxMembers) return undefined;
      const equals = member.indexOf("=");
      const [key, value] = [member.slice(0, Math.max(0, equals)), member.slice(equals + 1)];
      if (!isValid(key, value)) return undefined;
      if (!keys.has(key)) members.push([key, value]);
      keys.add(key);
    }
    return members.length === 0 ? TraceState.empty : new TraceState(members);
  }

  get(key: string): string | undefined {
    return this.#members.find(([each]) => each === key)?.[1];
  }

  /** With that member first. A key or value that is malformed changes nothing; a 33rd member displaces the last. */
  set(key: string, value: string): TraceState {
    if (!isValid(key, value)) return this;
    return new TraceState([[key, value], ...this.#without(key)].slice(0, maxMembers) as Member[]);
  }

  unset(key: string): TraceState {
    return new TraceState(this.#without(key));
  }

  serialize(): string {
    const parts = this.#members.map(([key, value]) => `${key}=${value}`);
    let length = parts.reduce((sum, part) => sum + part.length + 1, -1);
    const drop = (at: number): void => {
      length -= (parts[at] as string).length + 1;
      parts.splice(at, 1);
    };
    for (let at = parts.length - 1; at >= 0 && length > maxLength; at--) {
      if ((parts[at] as string).length > longMember) drop(at);
    }
    while (length > maxLength) drop(parts.length - 1);
    return parts.join(",");
  }

  #without(key: string): readonly Member[] {
    return this.#members.filter(([each]) => each !== key);
  }
}

function isValid(key: string, value: string): boolean {
  return validKey.test(key) && validValue.test(value);
}
