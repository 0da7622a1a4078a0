import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { firstLanguage } from "./index";

const SRC = fileURLToPath(new URL("..", import.meta.url));

function files(end: string): string[] {
  return readdirSync(SRC, { recursive: true, encoding: "utf-8" }).filter((path) => path.endsWith(end));
}

function leaves(value: unknown, at = ""): [string, string][] {
  if (typeof value === "string") return [[at, value]];
  return Object.entries(value as object).flatMap(([key, inner]) => leaves(inner, at ? `${at}.${key}` : key));
}

function words(path: string): Map<string, string> {
  return new Map(leaves(JSON.parse(readFileSync(join(SRC, path), "utf-8"))));
}

/** Namespace of a dictionary file: `app` for the shell's, else the page's folder in camel case. */
function namespaceOf(path: string): string {
  const folder = /^pages[\\/]([^\\/]+)/.exec(path)?.[1];
  return folder ? folder.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase()) : "app";
}

const dictionaries = files("en.json");
const placeholders = (text: string) => [...text.matchAll(/\{\{(\w+)/g)].map((match) => match[1]).sort();

describe("dictionaries", () => {
  it("are found", () => expect(dictionaries.length).toBeGreaterThan(2));

  it.each(dictionaries)("%s has the same keys and placeholders in both languages", (path) => {
    const en = words(path);
    const zh = words(path.replace(/en\.json$/, "zh.json"));
    expect([...zh.keys()].sort()).toEqual([...en.keys()].sort());
    for (const [key, text] of en) {
      expect(text.trim(), key).not.toBe("");
      // A language without a plural need not say the number of one thing.
      if (!/_(one|other)$/.test(key)) expect(placeholders(zh.get(key) ?? ""), key).toEqual(placeholders(text));
    }
  });

  it("know every key that the code asks for by name", () => {
    const known = new Set<string>();
    for (const path of dictionaries) {
      for (const key of words(path).keys()) known.add(`${namespaceOf(path)}:${key.replace(/_(one|other)$/, "")}`);
    }
    const missing: string[] = [];
    for (const path of files(".tsx")) {
      const code = readFileSync(join(SRC, path), "utf-8");
      const spaces = [...code.matchAll(/useTranslation\((.*?)\)/g)].flatMap(([, asked]) => {
        const names = [...(asked ?? "").matchAll(/"(\w+)"/g)].map((match) => match[1] ?? "");
        return names.length > 0 ? names.slice(0, 1) : ["app"];
      });
      for (const [, asked, rest] of code.matchAll(/\bt\(\s*"([\w.:]+)"([^)]*)/g)) {
        const [key = "", space] = (asked ?? "").split(":").reverse();
        if (/ns: \w/.test(rest ?? "")) continue;
        const places = space ? [space] : spaces;
        if (!places.some((place) => known.has(`${place}:${key}`))) missing.push(`${path}: ${asked}`);
      }
    }
    expect(missing).toEqual([]);
  });
});

describe("firstLanguage", () => {
  it.each([
    [null, ["zh-CN", "en"], "zh"],
    [null, ["fr-FR", "en-GB"], "en"],
    [null, ["fr-FR"], "en"],
    ["zh", ["en"], "zh"],
    ["xx", ["en"], "en"],
  ] as const)("stored %s, browser %s: %s", (stored, wished, language) => {
    expect(firstLanguage(stored, wished)).toBe(language);
  });
});
