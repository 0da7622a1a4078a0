import { Chip, Group, Stack, Switch, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { type AnalysisOptions, KINDS, type Kind } from "~/api/types";

interface Props {
  value: AnalysisOptions;
  onChange: (value: AnalysisOptions) => void;
}

/** What an analysis looks for; at least one kind stays chosen. */
export function OptionsForm({ value, onChange }: Props) {
  const { t } = useTranslation(["analyse", "app"]);
  const only = value.only ?? [...KINDS];
  const choose = (kinds: string[]) => {
    if (kinds.length > 0) onChange({ ...value, only: KINDS.filter((kind) => kinds.includes(kind)) as Kind[] });
  };
  return (
    <Stack gap="sm">
      <div>
        <Text size="sm" fw={600} mb={6} id="look-for">
          {t("lookFor")}
        </Text>
        <Chip.Group multiple value={only} onChange={choose}>
          <Group gap={6} role="group" aria-labelledby="look-for">
            {KINDS.map((kind) => (
              <Chip
                key={kind}
                value={kind}
                size="sm"
                variant="outline"
                disabled={only.length === 1 && only[0] === kind}
              >
                {t(`app:kind.${kind}`)}
              </Chip>
            ))}
          </Group>
        </Chip.Group>
      </div>
      <Switch
        label={t("tiled")}
        description={t("tiledHint")}
        checked={value.tiled ?? false}
        onChange={(event) => onChange({ ...value, tiled: event.currentTarget.checked })}
      />
      <Switch
        label={t("landmarks")}
        description={t("landmarksHint")}
        checked={value.landmarks ?? false}
        onChange={(event) => onChange({ ...value, landmarks: event.currentTarget.checked ? true : null })}
      />
    </Stack>
  );
}

/** What the server does when nothing is said. */
export const USUAL: AnalysisOptions = { only: [...KINDS], landmarks: null, tiled: false };

/** Whether options are what the server does anyway. */
export function isUsual({ only, landmarks, tiled }: AnalysisOptions): boolean {
  return (only ?? KINDS).length === KINDS.length && landmarks == null && !tiled;
}
