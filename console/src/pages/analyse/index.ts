import { IconScan } from "@tabler/icons-react";
import type { Page } from "../page";
import en from "./en.json";
import zh from "./zh.json";

export const analyse: Page = {
  id: "analyse",
  path: "/analyse",
  icon: IconScan,
  group: "work",
  permission: "media:read",
  routes: [
    { index: true, lazy: async () => ({ Component: (await import("./AnalysePage")).AnalysePage }) },
    { path: "file/:mediaId", lazy: async () => ({ Component: (await import("./FilePage")).FilePage }) },
    { path: ":analysisId", lazy: async () => ({ Component: (await import("./ResultPage")).ResultPage }) },
  ],
  dictionaries: { en, zh },
};
