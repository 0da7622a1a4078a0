import { useLocalStorage } from "@mantine/hooks";
import { KINDS, type Kind } from "~/api/types";
import type { LiveOptions } from "./useWebcam";

export interface Wishes extends LiveOptions {
  mirror: boolean;
}

export const SIDES = [320, 480, 640, 960, 1280] as const;
export const QUALITIES = [0.6, 0.75, 0.9] as const;

export const USUAL: Wishes = {
  only: ["faces", "bodies", "hands", "objects"],
  landmarks: false,
  longest: 640,
  quality: 0.75,
  inStep: true,
  mirror: true,
};

/** Options from storage, where anything may stand; what does not fit is as usual. */
export function asWishes(stored: unknown): Wishes {
  const given = (typeof stored === "object" && stored !== null ? stored : {}) as Partial<Record<keyof Wishes, unknown>>;
  const kinds = Array.isArray(given.only) ? KINDS.filter((kind) => (given.only as unknown[]).includes(kind)) : [];
  const flag = (name: "landmarks" | "inStep" | "mirror") =>
    typeof given[name] === "boolean" ? (given[name] as boolean) : USUAL[name];
  return {
    only: kinds.length > 0 ? (kinds as Kind[]) : USUAL.only,
    landmarks: flag("landmarks"),
    inStep: flag("inStep"),
    mirror: flag("mirror"),
    longest: SIDES.find((side) => side === given.longest) ?? USUAL.longest,
    quality: QUALITIES.find((quality) => quality === given.quality) ?? USUAL.quality,
  };
}

/** What was chosen here, remembered for the next visit. */
export function useLiveOptions(): [Wishes, (wishes: Wishes) => void] {
  const [stored, store] = useLocalStorage<unknown>({ key: "sightline-live", defaultValue: USUAL });
  return [asWishes(stored), store];
}
