import { useEffect, useState } from "preact/hooks";

/** What a page of the admin endpoint has answered. */
export type Loaded<Value> =
  | { readonly state: "loading" }
  | { readonly state: "failed"; readonly reason: string }
  | { readonly state: "done"; readonly value: Value; readonly at: number };

/** Gets JSON when the path changes, and again when it is asked to. */
export function useJson<Value>(path: string): readonly [loaded: Loaded<Value>, again: () => void] {
  const [loaded, set] = useState<Loaded<Value>>({ state: "loading" });
  const [times, setTimes] = useState(0);
  useEffect(() => {
    const left = new AbortController();
    const load = async (): Promise<Loaded<Value>> => {
      const response = await fetch(path, { headers: { accept: "application/json" }, signal: left.signal });
      if (!response.ok) return { state: "failed", reason: await response.text() };
      return { state: "done", value: (await response.json()) as Value, at: Date.now() };
    };
    load()
      .catch((error: unknown): Loaded<Value> => ({ state: "failed", reason: `no answer: ${String(error)}` }))
      .then((result) => {
        if (!left.signal.aborted) set(result);
      });
    return () => left.abort();
  }, [path, times]);
  return [loaded, () => setTimes(times + 1)];
}

/** How often it is asked for newer ones, in milliseconds. */
const newerMs = 5_000;

/** How many have come since a list was loaded. */
export function useNewer<Value extends { readonly id: string }>(
  path: string,
  loaded: Loaded<readonly Value[]>,
): number {
  const [newer, set] = useState(0);
  useEffect(() => {
    set(0);
    if (loaded.state !== "done") return undefined;
    const known = new Set(loaded.value.map(({ id }) => id));
    const left = new AbortController();
    const ask = async (): Promise<void> => {
      if (document.hidden) return;
      const response = await fetch(path, { headers: { accept: "application/json" }, signal: left.signal });
      if (!response.ok) return;
      const values = (await response.json()) as readonly Value[];
      // What stands before the first one that is known; older ones may have moved up.
      const at = values.findIndex(({ id }) => known.has(id));
      if (!left.signal.aborted) set(at === -1 ? values.length : at);
    };
    const timer = setInterval(() => void ask().catch(() => {}), newerMs);
    return () => {
      clearInterval(timer);
      left.abort();
    };
  }, [path, loaded]);
  return newer;
}
