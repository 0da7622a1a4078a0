import { analyse } from "./analyse";
import { library } from "./library";
import type { Page } from "./page";

/** Every page, in the order of the navigation. To add one: a folder beside this file, and its entry here. */
export const PAGES: readonly Page[] = [analyse, library];
