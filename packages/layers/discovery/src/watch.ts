import { type FSWatcher, watch } from "node:fs";
import { readlink, stat } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, parse, resolve, sep } from "node:path";

/** A folder in which something that the path leads over has its name. */
interface Place {
  readonly folder: string;
  readonly names: ReadonlySet<string>;
}

interface Watched {
  readonly watcher: FSWatcher;
  names: ReadonlySet<string>;
}

/** As many links as Linux follows before it says that they lead nowhere. */
const maxLinks = 40;

/** Watching anew may find that the path has changed meanwhile. Whoever reads polls, too, so a few rounds are enough. */
const maxRounds = 5;

/**
 * Says when what a path leads to may have changed. A watch on the file itself would stay with the old one when that is
 * replaced. So it watches the folders: the one of the file, and that of each link on the way, as in Kubernetes, where
 * it is `..data` that changes. Of what is not there yet, the folder is watched where it would appear.
 *
 * It may say too much, and where the file system tells nothing, or the system watches no more folders, too little.
 */
export class PathWatch {
  readonly #path: string;
  readonly #stirred: () => void;
  readonly #watched = new Map<string, Watched>();
  #isClosed = false;

  constructor(path: string, stirred: () => void) {
    this.#path = path;
    this.#stirred = stirred;
  }

  /** How many folders are watched. */
  get size(): number {
    return this.#watched.size;
  }

  /** Watches what the path leads over now. What changes after it has settled is not missed. */
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

  /** Whether something is watched that was not. */
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
      // A folder that goes away, or moves, tells it under its own name.
      watcher.on("change", (_event, name) => {
        if (name === null || watched.names.has(String(name)) || name === basename(folder)) this.#stirred();
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

/** The folders to watch; told apart by more than their paths, for one may be replaced by another of its name. */
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
