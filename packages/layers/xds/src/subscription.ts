import type { Any } from "@bufbuild/protobuf/wkt";
import { isLeft } from "@pagoda/core";
import { readResource, type ResourceType } from "./resources.ts";

/** A response of the control plane, in either protocol. */
export interface Response {
  readonly url: string;
  readonly version: string;
  readonly nonce: string;
  readonly resources: readonly ReceivedResource[];
  /** Names of resources that are gone. */
  readonly removed: readonly string[];
  /** Whether resources that are not in it are gone, if their type says so. */
  readonly isWhole: boolean;
}

export interface ReceivedResource {
  /** Undefined: only the resource itself has it. */
  readonly name: string | undefined;
  readonly version: string;
  readonly resource: Any | undefined;
}

export interface Known<T> {
  readonly version: string;
  readonly value: T;
}

/** What a response has changed. */
export interface Applied {
  /** Names whose resources have changed, became valid or invalid, or are gone. */
  readonly changed: ReadonlySet<string>;
  /** Problems of the resources that were rejected. */
  readonly problems: readonly string[];
  readonly used: number;
}

/** The resources of one type that are asked for and known. It outlives connections. */
export class Subscription<T> {
  readonly type: ResourceType<T>;
  /** Those that are asked for; of a kind of which all are asked for, those that have come. */
  readonly names = new Set<string>();
  /** Whether resources are asked for, if all are. */
  isWanted = false;
  /** Whether there was a response. */
  hasResponse = false;
  readonly known = new Map<string, Known<T>>();
  /** Names of which the control plane has no resource. */
  readonly absent = new Set<string>();
  /** Problems of the last resource of a name, if it was rejected. */
  readonly rejected = new Map<string, readonly string[]>();
  /** The last response that was accepted as a whole. */
  version = "";
  readonly #demands: (name: string, value: T) => readonly string[];

  /** @param demands Problems of a valid resource that does not suit those who asked for it. */
  constructor(type: ResourceType<T>, demands: (name: string, value: T) => readonly string[] = () => []) {
    this.type = type;
    this.#demands = demands;
  }

  /** The names to ask for: none if all are asked for. Undefined: nothing is asked for. */
  get asked(): readonly string[] | undefined {
    if (this.type.isWildcard === true) return this.isWanted ? [] : undefined;
    return this.names.size === 0 ? undefined : [...this.names];
  }

  /** Asks for these names from now on, and forgets all others. */
  want(names: ReadonlySet<string>): {
    readonly added: readonly string[];
    readonly removed: readonly string[];
  } {
    const added = [...names].filter((name) => !this.names.has(name));
    const removed = [...this.names].filter((name) => !names.has(name));
    for (const name of added) this.names.add(name);
    for (const name of removed) {
      this.names.delete(name);
      this.known.delete(name);
      this.absent.delete(name);
      this.rejected.delete(name);
    }
    return { added, removed };
  }

  /** Whether anything is known about the resource, if only that it does not exist or is invalid. */
  isAnswered(name: string): boolean {
    return this.known.has(name) || this.absent.has(name) || this.rejected.has(name);
  }

  /** Applies the valid resources of a response, even if others are invalid. */
  apply({ resources, removed, isWhole, version }: Response): Applied {
    const changed = new Set<string>();
    const problems: string[] = [];
    const seen = new Set<string>();
    let used = 0;
    let isReadable = true;
    this.hasResponse = true;
    resources.forEach((received, at) => {
      const { name, wrong } = this.#applyOne(received, `resource ${at}`);
      problems.push(...wrong);
      if (name === undefined) {
        // It may be any of those that seem to be gone.
        if (wrong.length > 0) isReadable = false;
        return;
      }
      seen.add(name);
      changed.add(name);
      if (wrong.length === 0) used++;
    });
    const isAll = isWhole && this.type.isComplete && isReadable;
    const gone = isAll ? [...this.names].filter((name) => !seen.has(name)) : [];
    for (const name of [...removed, ...gone]) if (this.miss(name)) changed.add(name);
    if (problems.length === 0) this.version = version;
    return { changed, problems, used };
  }

  /** Records that a resource does not exist. Returns whether that is new. */
  miss(name: string): boolean {
    if (!this.names.has(name) || this.absent.has(name)) return false;
    // Endpoints disappear with their cluster. Alone they are missed only if they were never known.
    if (!this.type.isComplete && this.known.has(name)) return false;
    this.known.delete(name);
    this.rejected.delete(name);
    if (this.type.isWildcard === true) this.names.delete(name);
    else this.absent.add(name);
    return true;
  }

  /** @returns The name, unless nobody asked for it or it is unknown; and problems. */
  #applyOne(
    { name: given, version, resource }: ReceivedResource,
    place: string,
  ): { readonly name: string | undefined; readonly wrong: readonly string[] } {
    const read = readResource(this.type, resource);
    if (isLeft(read)) return this.#reject(given, [read.left], place);
    const { name, validate } = read.right;
    if (given !== undefined && given !== name)
      return this.#reject(
        given,
        [`name must be ${JSON.stringify(given)} (got ${JSON.stringify(name)})`],
        place,
      );
    if (!this.#isAskedFor(name)) return { name: undefined, wrong: [] };
    const valid = validate();
    if (isLeft(valid)) return this.#reject(name, valid.left, place);
    const demands = this.#demands(name, valid.right);
    const before = this.known.get(name);
    // What suits is kept, with its endpoints. If nothing does, others may come whom this one suits.
    const isKept = before !== undefined && this.#demands(name, before.value).length === 0;
    if (demands.length === 0 || !isKept) this.known.set(name, { version, value: valid.right });
    if (demands.length > 0) return this.#reject(name, demands, place);
    this.absent.delete(name);
    this.rejected.delete(name);
    return { name, wrong: [] };
  }

  #isAskedFor(name: string): boolean {
    if (this.type.isWildcard === true) this.names.add(name);
    return this.names.has(name);
  }

  #reject(name: string | undefined, problems: readonly string[], place: string) {
    if (name !== undefined && !this.#isAskedFor(name)) return { name: undefined, wrong: [] };
    if (name !== undefined) {
      this.absent.delete(name);
      this.rejected.set(name, problems);
    }
    const at = name === undefined ? place : `${this.type.kind} ${JSON.stringify(name)}`;
    return { name, wrong: problems.map((problem) => `${at}: ${problem}`) };
  }
}
