import { Component, type ComponentChildren } from "preact";

interface BoundaryProps {
  readonly children: ComponentChildren;
}

/**
 * Replaces what cannot be drawn with the reason. Otherwise the last drawing would stay and look alive; a proxy of another
 * version, for example, may send what this page does not know.
 */
export class Boundary extends Component<BoundaryProps, { readonly error?: unknown }> {
  override state: { readonly error?: unknown } = {};

  override componentDidCatch(error: unknown): void {
    this.setState({ error });
  }

  override render({ children }: BoundaryProps, { error }: { readonly error?: unknown }) {
    if (error === undefined) return children;
    return (
      <p class="trouble" role="alert">
        {`This page cannot show what the proxy has sent (${String(error)}). `}
        <a href={location.href} onClick={() => location.reload()}>
          Reload it
        </a>
      </p>
    );
  }
}
