import { handler } from "./shop.ts";

declare const Bun: {
  serve(options: { port: number; hostname: string; fetch: typeof handler }): { readonly port: number };
};

const { port } = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: handler });
console.log(JSON.stringify({ port }));
