import { useLocalStorage } from "@mantine/hooks";
import { useCallback, useMemo } from "react";
import { LAYERS, type Layer } from "./layers";

/** Which layers are shown, remembered for the next visit. */
export function useLayers(): [ReadonlySet<Layer>, (shown: ReadonlySet<Layer>) => void] {
  const [hidden, setHidden] = useLocalStorage<Layer[]>({ key: "sightline-hidden-layers", defaultValue: [] });
  const shown = useMemo(() => new Set(LAYERS.filter((layer) => !hidden.includes(layer))), [hidden]);
  const show = useCallback(
    (wanted: ReadonlySet<Layer>) => setHidden(LAYERS.filter((layer) => !wanted.has(layer))),
    [setHidden],
  );
  return [shown, show];
}
