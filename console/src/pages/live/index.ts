import { IconCamera } from "@tabler/icons-react";
import type { Page } from "../page";
import en from "./en.json";
import zh from "./zh.json";

export const live: Page = {
  id: "live",
  path: "/live",
  icon: IconCamera,
  group: "work",
  permission: "live",
  routes: [{ index: true, lazy: async () => ({ Component: (await import("./LivePage")).LivePage }) }],
  dictionaries: { en, zh },
};
