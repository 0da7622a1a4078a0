import type { Icon } from "@tabler/icons-react";
import type { RouteObject } from "react-router";
import type { Permission } from "~/api/types";

export interface Dictionary {
  [key: string]: string | Dictionary;
}

/** One page of the console: everything that the shell must know of it. */
export interface Page {
  /** Its folder under src/pages, and its namespace of words; `title` there is its name in the navigation. */
  id: string;
  /** First part of its address, such as /library. */
  path: string;
  icon: Icon;
  /** Where in the navigation it stands. */
  group: "work" | "people" | "system";
  /** Who may not do this does not see the page. null: everyone. */
  permission: Permission | null;
  /** Routes below its path, loaded when they are visited. */
  routes: RouteObject[];
  dictionaries: { en: Dictionary; zh: Dictionary };
}
