import { type FSWatcher, watch } from "node:fs";
import { readlink, stat } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, parse, resolve, sep } from "node:path";

/** A directory, and the names in it that the path leads through. */
interface Place {
  readonly folder: string;
  readonly names: ReadonlySet<string>;
}

interface Watched {
  readonly watcher: FSWatcher;
  names: ReadonlySet<string>;
}

/** Maximum number of links to follow, as in Linux. */
const maxLinks = 40;

/**
 * The path may change while watches are set up. A few rounds suffice, since the reader polls, too.
 */
const maxRounds = 5;

/**
 * Reports possible changes of the file at a path. A watch on the file itself would stay with the
 * old file when it is replaced. So this watches directories: that of the file, and that of each
 * link on the way, as in Kubernetes, where `..data` changes. For a part of the path that does not
 * exist yet, it watches the directory where it would appear.
 *
 * It may report too much. It may report too little if the file system gives no events or the system
 * has no watches left.
 */
export class PathWatch {
  readonly #path: string;
  readonly #onChange: () => void;
  readonly #watched = new Map<string, Watched>();
  #isClosed = false;

  constructor(path: string, onChange: () => void) {
    this.#path = path;
    this.#onChange = onChange;
  }

  /** Number of watched directories. */
  get size(): number {
    return this.#watched.size;
  }

  /** Watches the present route of the path. No change after it has settled is missed. */
  async follow(): Promise<void> {
    for (let round = 0; round < maxRounds; round++) {
      const places = await placesOf(this.#path);
      if (this.#isClosed || !this.#update(places)) return;
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const { watcher } of this.#watched.values()) watcher.close();
    this.#watched.clear();
  }

  /** Returns whether a new directory is watched. */
  #update(places: ReadonlyMap<string, Place>): boolean {
    for (const [id, { watcher }] of this.#watched) {
      if (places.has(id)) continue;
      this.#watched.delete(id);
      watcher.close();
    }
    let isNew = false;
    for (const [id, { folder, names }] of places) {
      const watched = this.#watched.get(id);
      if (watched !== undefined) watched.names = names;
      else if (this.#watch(id, folder, names)) isNew = true;
    }
    return isNew;
  }

  #watch(id: string, folder: string, names: ReadonlySet<string>): boolean {
    try {
      const watcher = watch(folder);
      const watched: Watched = { watcher, names };
      this.#watched.set(id, watched);
      // A directory that is deleted or moved reports it under its own name.
      watcher.on("change", (_event, name) => {
        if (name === null || watched.names.has(String(name)) || name === basename(folder)) this.#onChange();
      });
      watcher.on("error", () => {
        this.#watched.delete(id);
        watcher.close();
      });
      return true;
    } catch {
      return false;
    }
  }
}

/**
 * Returns the directories to watch, identified by inode, since one may be replaced by another of
 * the same name.
 */
async function placesOf(path: string): Promise<ReadonlyMap<string, Place>> {
  const places = new Map<string, { readonly folder: string; readonly names: Set<string> }>();
  const add = async (folder: string, name: string): Promise<void> => {
    const found = await stat(folder).catch(() => undefined);
    if (found === undefined) return;
    const id = `${folder} ${found.dev} ${found.ino} ${found.birthtimeMs}`;
    const place = places.get(id);
    if (place === undefined) places.set(id, { folder, names: new Set([name]) });
    else place.names.add(name);
  };

  const absolute = resolve(path);
  let folder = parse(absolute).root;
  let names = absolute.slice(folder.length).split(sep);
  let links = 0;
  while (links <= maxLinks) {
    const [name, ...rest] = names;
    if (name === undefined) break;
    names = rest;
    if (name === "" || name === ".") continue;
    if (name === "..") {
      folder = dirname(folder);
      continue;
    }
    const link = await readLink(join(folder, name));
    if (link === "missing" || (link === "none" && rest.length === 0)) {
      await add(folder, name);
      break;
    }
    if (link === "none") {
      folder = join(folder, name);
      continue;
    }
    links++;
    await add(folder, name);
    const root = isAbsolute(link.target) ? parse(link.target).root : "";
    if (root !== "") folder = root;
    names = [...link.target.slice(root.length).split(sep), ...rest];
  }
  return places;
}

async function readLink(path: string): Promise<"missing" | "none" | { readonly target: string }> {
  try {
    return { target: await readlink(path) };
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? "missing" : "none";
  }
}
