import { ActionIcon, Button, Group, Skeleton, Stack, Text, TextInput } from "@mantine/core";
import { modals } from "@mantine/modals";
import { notifications } from "@mantine/notifications";
import { IconArrowLeft, IconCamera, IconPencil, IconPlus, IconTrash } from "@tabler/icons-react";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useParams } from "react-router";
import { useMay } from "~/api/session";
import { useDeleteZone, useSaveZone, useSource, type Zone } from "~/api/sources";
import type { Source } from "~/api/types";
import { PageBody } from "~/components/PageBody";
import { ProblemNotice, useProblemText } from "~/components/ProblemNotice";
import { useTitle } from "~/components/useTitle";
import { formatShare } from "~/lib/format";
import { area, FEWEST, fault } from "./polygon";
import { usePicture } from "./usePicture";
import { type Draft, ZoneStage } from "./ZoneStage";
import classes from "./zones.module.css";

/** Zones of a camera: regions of its picture that records can be asked for. */
export function ZonesPage() {
  const { t } = useTranslation("settings");
  const { sourceId } = useParams();
  const source = useSource(Number(sourceId));
  useTitle(t("zones.title", { name: source.data?.name ?? "" }));
  return (
    <PageBody
      title={t("zones.title", { name: source.data?.name ?? "…" })}
      text={t("zones.text")}
      actions={
        <Button
          component={Link}
          to="/settings/sources"
          variant="default"
          leftSection={<IconArrowLeft size={16} aria-hidden />}
        >
          {t("zones.back")}
        </Button>
      }
    >
      {source.isError && <ProblemNotice error={source.error} onRetry={() => void source.refetch()} />}
      {source.isPending && <Skeleton h={420} />}
      {source.data && <Editor source={source.data} />}
    </PageBody>
  );
}

interface Work extends Draft {
  name: string;
  /** The zone that is changed; null: a new one. */
  from: Zone | null;
}

function Editor({ source }: { source: Source }) {
  const { t } = useTranslation("settings");
  const may = useMay("sources:write");
  const canvas = useRef<HTMLCanvasElement>(null);
  const picture = usePicture(source, canvas);
  const [work, setWork] = useState<Work | null>(null);
  const zones = source.zones ?? [];
  const others = zones.filter((zone) => zone.id !== work?.from?.id);
  const waiting = picture.waiting ? t("zones.waiting") : (picture.detail ?? t("zones.noPicture"));
  return (
    <div className={classes.layout}>
      <Stack gap="xs">
        <ZoneStage
          size={picture.size}
          zones={others}
          draft={work}
          onDraft={(draft) => work && setWork({ ...work, ...draft })}
        >
          <canvas
            ref={canvas}
            className={classes.picture}
            hidden={picture.from !== "camera"}
            role="img"
            aria-label={t("zones.picture")}
          />
          {picture.from === "kept" && (
            <img className={classes.picture} src={picture.url ?? ""} alt={t("zones.picture")} />
          )}
          {picture.from === "none" && <p className={classes.none}>{waiting}</p>}
        </ZoneStage>
        <Group gap="sm">
          {picture.again && (
            <Button
              variant="default"
              size="xs"
              leftSection={<IconCamera size={15} aria-hidden />}
              onClick={picture.again}
            >
              {t("zones.again")}
            </Button>
          )}
          {picture.from === "kept" && (
            <Text size="sm" c="dimmed">
              {t("zones.kept")}
            </Text>
          )}
        </Group>
      </Stack>
      <div className={classes.side}>
        {work ? (
          <WorkPanel source={source} work={work} onWork={setWork} names={others.map(({ name }) => name)} />
        ) : (
          <ZoneList
            source={source}
            onAdd={may ? () => setWork({ points: [], closed: false, name: nextName(zones), from: null }) : null}
            onEdit={(zone) => setWork({ points: zone.polygon_xy, closed: true, name: zone.name, from: zone })}
          />
        )}
      </div>
    </div>
  );
}

/** A letter that no zone has yet. */
function nextName(zones: readonly Zone[]): string {
  const taken = new Set(zones.map(({ name }) => name));
  return [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"].find((letter) => !taken.has(letter)) ?? "";
}

interface ListProps {
  source: Source;
  onAdd: (() => void) | null;
  onEdit: (zone: Zone) => void;
}

function ZoneList({ source, onAdd, onEdit }: ListProps) {
  const { t, i18n } = useTranslation(["settings", "app"]);
  const remove = useDeleteZone();
  const problemText = useProblemText();
  const zones = source.zones ?? [];
  const ask = (zone: Zone) =>
    modals.openConfirmModal({
      title: t("zones.deleteTitle", { name: zone.name }),
      children: <Text size="sm">{t("zones.deleteText")}</Text>,
      labels: { confirm: t("app:action.delete"), cancel: t("app:action.cancel") },
      confirmProps: { color: "red" },
      onConfirm: () =>
        remove.mutate(
          { sourceId: source.id, zoneId: zone.id },
          {
            onError: (error) => {
              const { title, detail } = problemText(error);
              notifications.show({ color: "red", title, message: detail });
            },
          },
        ),
    });
  return (
    <Stack gap="sm">
      {zones.length === 0 && (
        <Text size="sm" c="dimmed">
          {t("zones.empty")}
        </Text>
      )}
      {zones.length > 0 && (
        <ul className={classes.zones} aria-label={t("zones.list")}>
          {zones.map((zone) => (
            <li key={zone.id}>
              <div className={classes.grow}>
                <Text fw={600} truncate>
                  {zone.name}
                </Text>
                <Text size="xs" c="dimmed">
                  {t("zones.facts", {
                    count: zone.polygon_xy.length,
                    share: formatShare(area(zone.polygon_xy), i18n.language, 1),
                  })}
                </Text>
              </div>
              {onAdd && (
                <>
                  <ActionIcon
                    variant="subtle"
                    color="gray"
                    size={34}
                    aria-label={t("zones.edit", { name: zone.name })}
                    onClick={() => onEdit(zone)}
                  >
                    <IconPencil size={17} aria-hidden />
                  </ActionIcon>
                  <ActionIcon
                    variant="subtle"
                    color="gray"
                    size={34}
                    aria-label={t("zones.delete", { name: zone.name })}
                    onClick={() => ask(zone)}
                  >
                    <IconTrash size={17} aria-hidden />
                  </ActionIcon>
                </>
              )}
            </li>
          ))}
        </ul>
      )}
      {onAdd && (
        <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={onAdd}>
          {t("zones.add")}
        </Button>
      )}
    </Stack>
  );
}

interface WorkProps {
  source: Source;
  work: Work;
  onWork: (work: Work | null) => void;
  names: readonly string[];
}

function WorkPanel({ source, work, onWork, names }: WorkProps) {
  const { t } = useTranslation(["settings", "app"]);
  const save = useSaveZone();
  const name = work.name.trim();
  const taken = names.includes(name);
  const wrong = work.closed ? fault(work.points) : null;
  const ready = work.closed && wrong === null && name !== "" && !taken;
  const submit = () => {
    const polygon_xy = work.points.map(([x, y]) => [x, y] as [number, number]);
    save.mutate(
      { sourceId: source.id, body: { name, polygon_xy }, replaces: work.from },
      { onSuccess: () => onWork(null) },
    );
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (ready) submit();
      }}
    >
      <Stack gap="sm">
        <TextInput
          label={t("zones.name")}
          value={work.name}
          onChange={(event) => onWork({ ...work, name: event.currentTarget.value })}
          error={taken ? t("zones.taken") : null}
          maxLength={200}
          autoComplete="off"
        />
        <Text size="sm">{work.closed ? t("zones.howClosed") : t("zones.howOpen")}</Text>
        <Text size="xs" c="dimmed">
          {work.closed ? t("zones.keysClosed") : t("zones.keysOpen")}
        </Text>
        {wrong && (
          <Text size="sm" c="var(--app-bad)" role="alert">
            {t(`zones.fault.${wrong}`)}
          </Text>
        )}
        {!work.closed && (
          <Group gap="xs">
            <Button
              variant="light"
              size="sm"
              disabled={work.points.length < FEWEST}
              onClick={() => onWork({ ...work, closed: true })}
            >
              {t("zones.close")}
            </Button>
            <Button
              variant="default"
              size="sm"
              disabled={work.points.length === 0}
              onClick={() => onWork({ ...work, points: work.points.slice(0, -1) })}
            >
              {t("zones.undo")}
            </Button>
          </Group>
        )}
        {work.closed && (
          <Group gap="xs">
            <Button variant="default" size="sm" onClick={() => onWork({ ...work, points: [], closed: false })}>
              {t("zones.anew")}
            </Button>
          </Group>
        )}
        {save.isError && <ProblemNotice error={save.error} />}
        <Group gap="xs" mt="xs">
          <Button type="submit" disabled={!ready} loading={save.isPending}>
            {t("save")}
          </Button>
          <Button variant="default" onClick={() => onWork(null)}>
            {t("app:action.cancel")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
