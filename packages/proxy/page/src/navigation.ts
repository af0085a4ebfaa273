import { useEffect, useState } from "preact/hooks";
import { address, type Place, placeIn } from "./place.ts";

/** Goes to a place. While a text is typed, each letter replaces the entry in the history. */
export type Go = (place: Partial<Place>, options?: { readonly replace?: boolean }) => void;

const moved = new EventTarget();

export const go: Go = (place, { replace = false } = {}) => {
  const target = address(place);
  if (target === location.pathname + location.search + location.hash) return;
  if (replace) history.replaceState(undefined, "", target);
  else history.pushState(undefined, "", target);
  moved.dispatchEvent(new Event("moved"));
};

const here = (): Place => placeIn(location.search, location.hash);

/** The present place, also after going back. */
export function usePlace(): Place {
  const [place, set] = useState(here);
  useEffect(() => {
    const read = (): void => set(here());
    moved.addEventListener("moved", read);
    addEventListener("popstate", read);
    return () => {
      moved.removeEventListener("moved", read);
      removeEventListener("popstate", read);
    };
  }, []);
  return place;
}
