import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import { PAGES } from "../pages";
import { dictionaries as signIn } from "../pages/sign-in/dictionaries";
import en from "./en.json";
import zh from "./zh.json";

export const LANGUAGES = { en: "English", zh: "中文" } as const;
export type Language = keyof typeof LANGUAGES;

const STORED = "sightline-language";

/** The language that was chosen here before, else the browser's, else English. */
export function firstLanguage(stored: string | null, wished: readonly string[]): Language {
  if (stored === "en" || stored === "zh") return stored;
  for (const tag of wished) {
    if (tag.toLowerCase().startsWith("zh")) return "zh";
    if (tag.toLowerCase().startsWith("en")) return "en";
  }
  return "en";
}

function remembered(): string | null {
  try {
    return window.localStorage.getItem(STORED);
  } catch {
    return null;
  }
}

/** Switch the console's language, now and for the next visit. */
export async function chooseLanguage(language: Language): Promise<void> {
  await i18next.changeLanguage(language);
  try {
    window.localStorage.setItem(STORED, language);
  } catch {
    // Storage may be forbidden: the choice then holds for this visit.
  }
}

const pages = PAGES.map((page) => [page.id, page.dictionaries] as const);

/** Load the words of the shell and of every page. */
export async function startI18n(): Promise<void> {
  i18next.on("languageChanged", (language) => {
    document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  });
  await i18next.use(initReactI18next).init({
    lng: firstLanguage(remembered(), navigator.languages),
    fallbackLng: "en",
    defaultNS: "app",
    interpolation: { escapeValue: false },
    resources: {
      en: { app: en, signIn: signIn.en, ...Object.fromEntries(pages.map(([id, words]) => [id, words.en])) },
      zh: { app: zh, signIn: signIn.zh, ...Object.fromEntries(pages.map(([id, words]) => [id, words.zh])) },
    },
  });
}
