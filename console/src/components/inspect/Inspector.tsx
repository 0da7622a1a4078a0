import { CloseButton, Group, Progress, Stack, Text, Title } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Shape } from "~/components/overlay/shapes";
import { COLOURS } from "~/components/overlay/tables";
import { factsOf, movements, nameOf } from "./facts";
import classes from "./inspect.module.css";

/** Everything that is known of one observation. */
export function Inspector({ shape, onClose }: { shape: Shape; onClose: () => void }) {
  const { t, i18n } = useTranslation();
  const moves = movements(shape.finding);
  return (
    <section className={classes.inspector} aria-label={nameOf(shape.kind, shape.finding, t)}>
      <Group justify="space-between" wrap="nowrap" align="flex-start" mb="xs">
        <Group gap={8} wrap="nowrap" className={classes.grow}>
          <span className={classes.dot} style={{ background: COLOURS[shape.colour] }} />
          <Title order={2} size="h3" className={classes.name}>
            {nameOf(shape.kind, shape.finding, t)}
          </Title>
        </Group>
        <CloseButton size="sm" aria-label={t("action.close")} onClick={onClose} />
      </Group>
      <dl className={classes.facts}>
        {factsOf(shape.kind, shape.finding, t, i18n.language).map(({ label, value }) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd className="numbers">{value}</dd>
          </div>
        ))}
      </dl>
      {moves.length > 0 && (
        <Stack gap={5} mt="sm">
          <Text size="xs" fw={600} c="dimmed">
            {t("fact.actions")}
          </Text>
          {moves.map(({ name, value }) => (
            <div key={name} className={classes.move}>
              <Text size="xs">{name}</Text>
              <Progress value={value * 100} size={6} aria-label={name} />
              <Text size="xs" className="numbers" ta="right">
                {value.toFixed(2)}
              </Text>
            </div>
          ))}
        </Stack>
      )}
    </section>
  );
}
