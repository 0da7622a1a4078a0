import { IconListCheck } from "@tabler/icons-react";
import type { Page } from "../page";
import en from "./en.json";
import zh from "./zh.json";

export const jobs: Page = {
  id: "jobs",
  path: "/jobs",
  icon: IconListCheck,
  group: "system",
  permission: "jobs:read",
  routes: [{ index: true, lazy: async () => ({ Component: (await import("./JobsPage")).JobsPage }) }],
  dictionaries: { en, zh },
};
