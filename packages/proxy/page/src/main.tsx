import { render } from "preact";

const root = document.querySelector("#page");
if (root !== null) render(<main>pagoda</main>, root);
