import { ActionIcon, Button, Group, Menu, Skeleton, Stack, Text } from "@mantine/core";
import { modals } from "@mantine/modals";
import { notifications } from "@mantine/notifications";
import {
  IconDots,
  IconFolder,
  IconPencil,
  IconPlayerPlay,
  IconPlayerStop,
  IconPlus,
  IconPolygon,
  IconTrash,
  IconVideo,
  IconViewfinder,
} from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { useJob } from "~/api/jobs";
import { useMay } from "~/api/session";
import { useDeleteSource, useSources, useWatchSource } from "~/api/sources";
import type { Source } from "~/api/types";
import { EmptyState } from "~/components/EmptyState";
import { JobState } from "~/components/jobs/JobState";
import { ProblemNotice, useProblemText } from "~/components/ProblemNotice";
import { SourceModal } from "./SourceModal";
import classes from "./settings.module.css";

/** Watched folders and cameras. */
export function SourcesTab() {
  const { t } = useTranslation("settings");
  const may = useMay("sources:write");
  const sources = useSources();
  const [wish, setWish] = useState<{ source: Source | null } | null>(null);
  const all = sources.data ?? [];
  const add = (
    <Button leftSection={<IconPlus size={17} aria-hidden />} onClick={() => setWish({ source: null })}>
      {t("sources.add")}
    </Button>
  );
  return (
    <>
      <Group justify="space-between" mb="md" gap="sm">
        <Text c="dimmed" size="sm" maw="64ch">
          {t("sources.text")}
        </Text>
        {may && all.length > 0 && add}
      </Group>
      {sources.isError && <ProblemNotice error={sources.error} onRetry={() => void sources.refetch()} />}
      {sources.isPending && (
        <Stack gap={8} aria-hidden>
          <Skeleton h={84} />
          <Skeleton h={84} />
        </Stack>
      )}
      {sources.isSuccess && all.length === 0 && (
        <EmptyState
          icon={IconVideo}
          title={t("sources.emptyTitle")}
          text={may ? t("sources.emptyText") : t("sources.emptyTextViewer")}
        >
          {may && add}
        </EmptyState>
      )}
      {all.length > 0 && (
        <ul className={classes.list} aria-label={t("tab.sources")}>
          {all.map((source) => (
            <SourceRow key={source.id} source={source} onEdit={() => setWish({ source })} />
          ))}
        </ul>
      )}
      {wish && <SourceModal source={wish.source} onClose={() => setWish(null)} />}
    </>
  );
}

function SourceRow({ source, onEdit }: { source: Source; onEdit: () => void }) {
  const { t } = useTranslation(["settings", "app"]);
  const may = useMay("sources:write");
  const mayLive = useMay("live");
  const camera = source.kind === "camera";
  const zones = source.zones?.length ?? 0;
  const Icon = camera ? IconVideo : IconFolder;
  return (
    <li className={classes.row}>
      <Icon
        size={22}
        stroke={1.6}
        className={classes.rowIcon}
        role="img"
        aria-label={t(`sources.kind.${source.kind}`)}
      />
      <div className={classes.rowMain}>
        <Text fw={600}>{source.name}</Text>
        <Text size="sm" c="dimmed" ff="monospace" className={classes.address}>
          {source.address}
        </Text>
        <Text size="sm" c="dimmed">
          {[
            (source.only ?? []).map((kind) => t(`app:kind.${kind}`)).join(", "),
            source.retention_days ? t("sources.days", { count: source.retention_days }) : t("sources.keeps"),
            camera && source.keep_video === false ? t("sources.recordsOnly") : null,
            zones > 0 ? t("sources.zones", { count: zones }) : null,
          ]
            .filter(Boolean)
            .join(" · ")}
        </Text>
        <Watching source={source} />
      </div>
      <Group gap={4} wrap="nowrap" className={classes.rowActions}>
        {camera && mayLive && (
          <Button
            component={Link}
            to={`/live?camera=${source.id}`}
            variant="default"
            size="xs"
            leftSection={<IconViewfinder size={15} aria-hidden />}
            aria-label={t("sources.lookName", { name: source.name })}
          >
            {t("sources.look")}
          </Button>
        )}
        {may && <Watch source={source} />}
        {may && <SourceMenu source={source} onEdit={onEdit} />}
      </Group>
    </li>
  );
}

/** How watching goes: the state of the source's job, and what it tells. */
function Watching({ source }: { source: Source }) {
  const { t } = useTranslation("settings");
  const may = useMay("jobs:read");
  const job = useJob(may ? source.job_id : null).data;
  if (!source.job_id)
    return (
      <Text size="sm" c="dimmed">
        {t("sources.never")}
      </Text>
    );
  if (!job) return null;
  return (
    <Group gap="xs" mt={4}>
      <JobState state={job.state} />
      {job.detail && (
        <Text size="sm" c={job.state === "failed" ? "var(--app-bad)" : "dimmed"}>
          {job.detail}
        </Text>
      )}
    </Group>
  );
}

function Watch({ source }: { source: Source }) {
  const { t } = useTranslation("settings");
  const { mutate, isPending } = useWatchSource();
  const problemText = useProblemText();
  const on = source.running ?? false;
  const Icon = on ? IconPlayerStop : IconPlayerPlay;
  return (
    <Button
      variant={on ? "default" : "light"}
      size="xs"
      leftSection={<Icon size={15} aria-hidden />}
      loading={isPending}
      aria-label={t(on ? "sources.stopName" : "sources.startName", { name: source.name })}
      onClick={() =>
        mutate(
          { id: source.id, on: !on },
          {
            onError: (error) => {
              const { title, detail } = problemText(error);
              notifications.show({ color: "red", title, message: detail });
            },
          },
        )
      }
    >
      {on ? t("sources.stop") : t("sources.start")}
    </Button>
  );
}

function SourceMenu({ source, onEdit }: { source: Source; onEdit: () => void }) {
  const { t } = useTranslation(["settings", "app"]);
  const remove = useDeleteSource();
  const problemText = useProblemText();
  const ask = () =>
    modals.openConfirmModal({
      title: t("sources.deleteTitle", { name: source.name }),
      children: <Text size="sm">{t("sources.deleteText")}</Text>,
      labels: { confirm: t("app:action.delete"), cancel: t("app:action.cancel") },
      confirmProps: { color: "red" },
      onConfirm: () =>
        remove.mutate(source.id, {
          onError: (error) => {
            const { title, detail } = problemText(error);
            notifications.show({ color: "red", title, message: detail });
          },
        }),
    });
  return (
    <Menu position="bottom-end" shadow="md" width={200}>
      <Menu.Target>
        <ActionIcon
          variant="subtle"
          color="gray"
          size={34}
          aria-label={t("sources.actions", { name: source.name })}
          loading={remove.isPending}
        >
          <IconDots size={19} aria-hidden />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<IconPencil size={16} aria-hidden />} onClick={onEdit}>
          {t("sources.edit")}
        </Menu.Item>
        <Menu.Item
          component={Link}
          to={`/settings/sources/${source.id}/zones`}
          leftSection={<IconPolygon size={16} aria-hidden />}
        >
          {t("sources.editZones")}
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item c="var(--app-bad)" leftSection={<IconTrash size={16} aria-hidden />} onClick={ask}>
          {t("app:action.delete")}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
