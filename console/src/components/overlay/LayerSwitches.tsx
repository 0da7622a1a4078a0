import { UnstyledButton } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { LAYER_COLOURS, LAYERS, type Layer } from "./layers";
import classes from "./overlay.module.css";
import { COLOURS } from "./tables";

interface Props {
  /** How many there are now, by layer; layers of null are not offered. */
  counts: Readonly<Record<Layer, number | null>>;
  shown: ReadonlySet<Layer>;
  onChange: (shown: ReadonlySet<Layer>) => void;
}

/** Switches the overlay's layers on and off, with the number of things in each. */
export function LayerSwitches({ counts, shown, onChange }: Props) {
  const { t } = useTranslation();
  const offered = LAYERS.filter((layer) => counts[layer] !== null && !(layer === "mesh" && counts.mesh === 0));
  const toggle = (layer: Layer) => {
    const next = new Set(shown);
    if (!next.delete(layer)) next.add(layer);
    onChange(next);
  };
  return (
    <fieldset
      className={classes.switches}
      style={{ border: 0, margin: 0, padding: 0 }}
      aria-label={t("overlay.layers")}
    >
      {offered.map((layer) => (
        <UnstyledButton
          key={layer}
          className={classes.switch}
          aria-pressed={shown.has(layer)}
          onClick={() => toggle(layer)}
        >
          <span className={classes.dot} style={{ background: COLOURS[LAYER_COLOURS[layer]] }} />
          {t(`kind.${layer}`)}
          <span className={classes.count}>{counts[layer]}</span>
        </UnstyledButton>
      ))}
    </fieldset>
  );
}
