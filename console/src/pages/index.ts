import { analyse } from "./analyse";
import { audit } from "./audit";
import { jobs } from "./jobs";
import { library } from "./library";
import { live } from "./live";
import { models } from "./models";
import type { Page } from "./page";
import { settings } from "./settings";

/** Every page, in the order of the navigation. To add one: a folder beside this file, and its entry here. */
export const PAGES: readonly Page[] = [analyse, library, live, jobs, models, audit, settings];
