import { Button, Group, Radio, Skeleton, Stack, Switch, Text, Title } from "@mantine/core";
import { modals } from "@mantine/modals";
import { notifications } from "@mantine/notifications";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useMay } from "~/api/session";
import { type Limits, type Settings, useBounds, useSaveSettings, useSettings } from "~/api/settings";
import { ProblemNotice } from "~/components/ProblemNotice";
import { QuantityInput } from "./QuantityInput";
import classes from "./settings.module.css";
import { BYTES, deletesSooner, PIXELS, SECONDS, type Unit, wrongWith } from "./units";

const FIELDS: readonly { name: keyof Limits; units?: readonly Unit[] }[] = [
  { name: "max_bytes", units: BYTES },
  { name: "max_pixels", units: PIXELS },
  { name: "max_duration_s", units: SECONDS },
  { name: "max_queued_pictures" },
  { name: "max_queued_videos" },
  { name: "max_live" },
];

/** What an upload may cost, how long it is kept, and what is noted of reading. */
export function LimitsTab() {
  const settings = useSettings();
  if (settings.isError) return <ProblemNotice error={settings.error} onRetry={() => void settings.refetch()} />;
  if (!settings.data) return <Skeleton h={420} />;
  return <Form key={JSON.stringify(settings.data)} saved={settings.data} />;
}

type Draft = { limits: Record<keyof Limits, number | null>; days: number | null; keep: boolean; reads: boolean };

function draftOf({ limits, retention_days, audit_reads }: Settings): Draft {
  const values = Object.fromEntries(FIELDS.map(({ name }) => [name, limits?.[name] ?? null]));
  return {
    limits: values as Draft["limits"],
    days: retention_days ?? 90,
    keep: retention_days == null,
    reads: audit_reads ?? true,
  };
}

function settingsOf({ limits, days, keep, reads }: Draft): Settings {
  return { limits: limits as Limits, retention_days: keep ? null : days, audit_reads: reads };
}

function Form({ saved }: { saved: Settings }) {
  const { t } = useTranslation("settings");
  const may = useMay("settings:write");
  const [draft, setDraft] = useState(() => draftOf(saved));
  const limitBounds = useBounds("Limits");
  const bounds = useBounds("Settings");
  const save = useSaveSettings();
  const before = saved.retention_days ?? null;
  const after = draft.keep ? null : draft.days;
  const wrong =
    FIELDS.some(({ name }) => wrongWith(draft.limits[name], limitBounds[name] ?? {})) ||
    (!draft.keep && wrongWith(draft.days, bounds.retention_days ?? {}) !== null);
  const same = JSON.stringify(settingsOf(draft)) === JSON.stringify(settingsOf(draftOf(saved)));
  const put = () =>
    save.mutate(settingsOf(draft), {
      onSuccess: () => notifications.show({ color: "green", message: t("limits.saved") }),
    });
  const submit = () => {
    if (!deletesSooner(before, after)) return put();
    modals.openConfirmModal({
      title: t("limits.confirmTitle"),
      children: <Text size="sm">{t("limits.confirmText", { count: after ?? 0 })}</Text>,
      labels: { confirm: t("limits.confirmYes"), cancel: t("limits.confirmNo") },
      confirmProps: { color: "red" },
      onConfirm: put,
    });
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <Stack gap="xl" maw={720}>
        <section aria-labelledby="limits">
          <Title order={2} id="limits" mb={4}>
            {t("limits.title")}
          </Title>
          <Text size="sm" c="dimmed" mb="md">
            {t("limits.text")}
          </Text>
          <div className={classes.fields}>
            {FIELDS.map(({ name, units }) => (
              <QuantityInput
                key={name}
                label={t(`limits.${name}`)}
                description={t(`limits.${name}_hint`)}
                value={draft.limits[name]}
                onChange={(value) => setDraft({ ...draft, limits: { ...draft.limits, [name]: value } })}
                bounds={limitBounds[name]}
                units={units}
                readOnly={!may}
              />
            ))}
          </div>
        </section>
        <section aria-labelledby="retention">
          <Title order={2} id="retention" mb={4}>
            {t("limits.retention")}
          </Title>
          <Text size="sm" c="dimmed" mb="md">
            {t("limits.retentionText")}
          </Text>
          <Radio.Group
            value={draft.keep ? "keep" : "delete"}
            onChange={(value) => may && setDraft({ ...draft, keep: value === "keep" })}
            aria-labelledby="retention"
          >
            <Stack gap="sm">
              <Radio value="keep" label={t("limits.keep")} disabled={!may} />
              <Radio value="delete" label={t("limits.deleteAfter")} disabled={!may} />
            </Stack>
          </Radio.Group>
          {!draft.keep && (
            <Stack gap={6} mt="sm" ml={32} maw={260}>
              <QuantityInput
                label={t("limits.days")}
                value={draft.days}
                onChange={(days) => setDraft({ ...draft, days })}
                bounds={bounds.retention_days}
                readOnly={!may}
              />
            </Stack>
          )}
          {after !== before && (
            <Text size="sm" mt="sm">
              {t("limits.existing")}
            </Text>
          )}
        </section>
        <section aria-labelledby="audit-reads">
          <Title order={2} id="audit-reads" mb="sm">
            {t("limits.audit")}
          </Title>
          <Switch
            label={t("limits.auditReads")}
            description={t("limits.auditReadsHint")}
            checked={draft.reads}
            disabled={!may}
            onChange={(event) => setDraft({ ...draft, reads: event.currentTarget.checked })}
          />
        </section>
        {save.isError && <ProblemNotice error={save.error} />}
        {may ? (
          <Group>
            <Button type="submit" loading={save.isPending} disabled={wrong || same}>
              {t("save")}
            </Button>
            <Button variant="default" disabled={same} onClick={() => setDraft(draftOf(saved))}>
              {t("undo")}
            </Button>
          </Group>
        ) : (
          <Text size="sm" c="dimmed">
            {t("limits.readOnly")}
          </Text>
        )}
      </Stack>
    </form>
  );
}
