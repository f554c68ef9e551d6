import { defineConfig } from 'vite';

export default defineConfig({
  build: {
    // The icon stays a file with a hashed name like everything else under /assets.
    assetsInlineLimit: 0,
    // Scripts are modules anyway, so no browser that runs them needs the polyfill.
    modulePreload: { polyfill: false },
    // Monaco is one large chunk by nature; it is loaded from our own origin and cached for good.
    chunkSizeWarningLimit: 5000,
    // Libraries carry "use client" for server rendering, of which there is none here.
    rolldownOptions: { checks: { moduleLevelDirective: false } },
  },
  worker: { format: 'es' },
  // `npm run dev` shows changes at once against a gateway that is already running.
  server: { proxy: { '/graphql': { target: 'http://127.0.0.1:8005', ws: true } } },
});
