import type { ComponentChildren } from "preact";
import { go } from "../navigation.ts";
import { address, type Place } from "../place.ts";

interface LinkProps {
  readonly to: Partial<Place>;
  readonly label?: string;
  readonly class?: string;
  readonly current?: boolean;
  readonly children: ComponentChildren;
}

/** A link within the page. It can be opened in another tab like any other. */
export function Link({ to, label, class: name, current, children }: LinkProps) {
  const follow = (event: MouseEvent): void => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(to);
  };
  return (
    <a
      href={address(to)}
      onClick={follow}
      aria-label={label}
      aria-current={current ? "page" : undefined}
      {...(name && { class: name })}
    >
      {children}
    </a>
  );
}
