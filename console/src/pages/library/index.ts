import { IconPhoto } from "@tabler/icons-react";
import type { Page } from "../page";
import en from "./en.json";
import zh from "./zh.json";

export const library: Page = {
  id: "library",
  path: "/library",
  icon: IconPhoto,
  group: "work",
  permission: "media:read",
  routes: [{ index: true, lazy: async () => ({ Component: (await import("./LibraryPage")).LibraryPage }) }],
  dictionaries: { en, zh },
};
