import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const api = process.env.SIGHTLINE_API ?? "http://127.0.0.1:8765";

export default defineConfig({
  plugins: [react()],
  resolve: {
    alias: {
      "~": at("./src"),
      // Skeletons, face contours and colours have one home: what the server draws with.
      "@drawing": at("../src/sightline/media/drawing/data"),
    },
  },
  server: {
    fs: { allow: [at("."), at("../src/sightline/media/drawing/data")] },
    proxy: { "/api": { target: api, ws: true } },
  },
  build: {
    outDir: "../src/sightline/server/console",
    emptyOutDir: true,
    target: "es2022",
    // Nothing inlined: the content security policy has no data: fonts or scripts.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 700,
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            { name: "mantine", test: /node_modules[\\/](@mantine|@floating-ui)/ },
            { name: "vendor", test: /node_modules/ },
          ],
        },
      },
    },
  },
  test: { environment: "node", include: ["src/**/*.test.ts"] },
});
