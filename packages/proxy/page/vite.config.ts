import { defineConfig } from "vite";

// The build: `npm run page`. For development: `npm start` in one shell, `npx vite page` in packages/proxy in another.
export default defineConfig({
  root: import.meta.dirname,
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    target: "es2023",
    // The Content-Security-Policy of the page has no data: for scripts, styles and fonts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    license: { fileName: "licenses.md" },
    reportCompressedSize: false,
  },
  server: {
    proxy: {
      "^/(live|requests|clusters|reload|drain|log-level|breakers|endpoints|actions)": "http://127.0.0.1:9090",
    },
  },
});
