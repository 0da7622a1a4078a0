import { IconSettings } from "@tabler/icons-react";
import type { Page } from "../page";
import en from "./en.json";
import zh from "./zh.json";

export const settings: Page = {
  id: "settings",
  path: "/settings",
  icon: IconSettings,
  group: "system",
  permission: null,
  routes: [
    {
      path: ":tab?",
      lazy: async () => ({ Component: (await import("./SettingsPage")).SettingsPage }),
    },
    {
      path: "sources/:sourceId/zones",
      lazy: async () => ({ Component: (await import("./zones/ZonesPage")).ZonesPage }),
    },
  ],
  dictionaries: { en, zh },
};
