import type { ComponentChildren } from "preact";
import type { FoldedSection, Place } from "../place.ts";
import { Disclosure } from "./disclosure.tsx";

interface FoldedProps {
  readonly name: FoldedSection;
  readonly title: string;
  /** What there is, in a few words: `2 serving`. */
  readonly state: string;
  /** A section in trouble is always open. */
  readonly wrong?: boolean;
  readonly place: Place;
  readonly children: ComponentChildren;
}

/** A section whose heading says its state; the rest of it opens on demand. */
export function Folded({ name, title, state, wrong = false, place, children }: FoldedProps) {
  const isOpen = wrong || place.open === name;
  return (
    <section class="folded">
      <h2 id={name}>
        {wrong ? (
          title
        ) : (
          <Disclosure name={name} place={place}>
            {title}
          </Disclosure>
        )}{" "}
        <span class={wrong ? "bad" : "muted"}>{state}</span>
      </h2>
      {isOpen ? children : null}
    </section>
  );
}
