import { IconBinaryTree2 } from "@tabler/icons-react";
import type { Page } from "../page";
import en from "./en.json";
import zh from "./zh.json";

const lazy = async () => ({ Component: (await import("./ModelsPage")).ModelsPage });

export const models: Page = {
  id: "models",
  path: "/models",
  icon: IconBinaryTree2,
  group: "system",
  permission: "models:read",
  routes: [{ path: ":name?", lazy }],
  dictionaries: { en, zh },
};
