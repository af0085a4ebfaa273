import type { ComponentChildren } from "preact";
import { go } from "../navigation.ts";
import type { Place } from "../place.ts";

interface DisclosureProps {
  /** Of what opens; at most one thing is open, the one that the address names. */
  readonly name: string;
  readonly place: Place;
  /** Added for screen readers, which do not see what is around it. */
  readonly of?: string;
  readonly children: ComponentChildren;
}

/** A button that opens the details of its row. */
export function Disclosure({ name, place, of, children }: DisclosureProps) {
  const isOpen = place.open === name;
  return (
    <button
      type="button"
      class="disclosure"
      aria-expanded={isOpen}
      onClick={() => go({ ...place, open: isOpen ? "" : name })}
    >
      <span aria-hidden="true">{isOpen ? "▾" : "▸"}</span> {children}
      {of === undefined ? null : <span class="hidden">{` of ${of}`}</span>}
    </button>
  );
}
