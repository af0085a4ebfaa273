import { useEffect, useRef, useState } from "preact/hooks";
import { type Live, LiveConnection } from "./live.ts";
import { ActionsProvider } from "./parts/actions.tsx";
import { Boundary } from "./parts/boundary.tsx";
import { usePlace } from "./navigation.ts";
import { problemsOf } from "./problems.ts";
import { Remembered } from "./remembered.ts";
import { Header } from "./views/header.tsx";
import { Overview } from "./views/overview.tsx";
import { Request } from "./views/request.tsx";
import { Requests } from "./views/requests.tsx";

/** While the page is open, whatever view is shown. */
const remembered = new Remembered();

const nothing: Live = { parts: {}, connection: "connecting", offsetMs: 0, retryAt: undefined };

export function App() {
  const [live, setLive] = useState(nothing);
  const place = usePlace();
  const main = useRef<HTMLElement>(null);
  const shown = useRef(place.view);

  useEffect(() => {
    const connection = new LiveConnection(setLive);
    return () => connection.close();
  }, []);

  useEffect(() => {
    document.title =
      place.view === "overview" ? `pagoda ${location.host}` : `requests · pagoda ${location.host}`;
    // Otherwise the focus stays on a link that is gone, and screen readers say nothing.
    if (shown.current !== place.view) main.current?.focus();
    shown.current = place.view;
  }, [place.view]);

  // Times are compared with the proxy's clock, because that of a phone may differ.
  const now = Date.now() + live.offsetMs;
  const problems = remembered.with(problemsOf(live.parts, now), now);
  const isStale = live.connection !== "open" && live.parts.proxy !== undefined;
  return (
    <ActionsProvider>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <Header live={live} now={now} place={place} />
      <main id="main" ref={main} tabIndex={-1} class={isStale ? "stale" : ""}>
        <Boundary key={place.view}>
          {place.view === "overview" ? (
            <Overview parts={live.parts} problems={problems} place={place} now={now} />
          ) : null}
          {place.view === "requests" ? <Requests parts={live.parts} place={place} now={now} /> : null}
          {place.view === "request" ? <Request id={place.id} place={place} /> : null}
        </Boundary>
      </main>
    </ActionsProvider>
  );
}
