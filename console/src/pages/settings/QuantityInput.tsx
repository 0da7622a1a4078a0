import { Group, Input, NumberInput, Select } from "@mantine/core";
import { useId } from "@mantine/hooks";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Bounds } from "~/api/settings";
import { formatNumber } from "~/lib/format";
import { type Unit, unitFor, wrongWith } from "./units";

interface Props {
  label: string;
  description?: string;
  value: number | null;
  onChange: (value: number | null) => void;
  bounds: Bounds | undefined;
  /** Units to choose from; none: a plain count. */
  units?: readonly Unit[];
  readOnly?: boolean;
}

const ONE: readonly Unit[] = [{ name: "", size: 1 }];

/** A number with its unit, checked against the schema's bounds. */
export function QuantityInput({ label, description, value, onChange, bounds, units = ONE, readOnly }: Props) {
  const { t, i18n } = useTranslation("settings");
  const [unit, setUnit] = useState(() => unitFor(value ?? 0, units));
  const wrong = wrongWith(value, bounds ?? {});
  const said = (bound: number) => {
    const { name, size } = unitFor(bound, units);
    return `${formatNumber(bound / size, i18n.language, 4)} ${name ? t(`unit.${name}`) : ""}`.trim();
  };
  const error =
    wrong === null
      ? null
      : wrong.kind === "missing"
        ? t("wrong.missing")
        : t(`wrong.${wrong.kind}`, { bound: said(wrong.bound) });
  // Counts, bytes and pixels are whole; seconds need not be.
  const whole = (wanted: number) =>
    unit.name.endsWith("s") && units[0]?.name === "seconds" ? wanted : Math.round(wanted);
  const id = useId();
  return (
    <Input.Wrapper label={label} description={description} error={error} id={id}>
      <Group gap={8} wrap="nowrap" mt={4}>
        <NumberInput
          id={id}
          aria-invalid={error !== null}
          error={error !== null}
          value={value === null ? "" : Number((value / unit.size).toFixed(6))}
          onChange={(wanted) => onChange(typeof wanted === "number" ? whole(wanted * unit.size) : null)}
          min={0}
          decimalScale={unit.size === 1 && unit.name !== "seconds" ? 0 : 2}
          thousandSeparator={i18n.language === "zh" ? "," : " "}
          readOnly={readOnly}
          flex={1}
          hideControls
        />
        {units.length > 1 && (
          <Select
            aria-label={t("unitOf", { name: label })}
            data={units.map(({ name }) => ({ value: name, label: t(`unit.${name}`) }))}
            value={unit.name}
            onChange={(name) => {
              const next = units.find((one) => one.name === name);
              if (next) setUnit(next);
            }}
            allowDeselect={false}
            readOnly={readOnly}
            w={132}
          />
        )}
      </Group>
    </Input.Wrapper>
  );
}
