import { IconShieldCheck } from "@tabler/icons-react";
import type { Page } from "../page";
import en from "./en.json";
import zh from "./zh.json";

export const audit: Page = {
  id: "audit",
  path: "/audit",
  icon: IconShieldCheck,
  group: "system",
  permission: "audit:read",
  routes: [{ index: true, lazy: async () => ({ Component: (await import("./AuditPage")).AuditPage }) }],
  dictionaries: { en, zh },
};
