import { Button, Menu, Stack, Text } from "@mantine/core";
import { modals } from "@mantine/modals";
import { notifications } from "@mantine/notifications";
import { IconCheckbox, IconDownload, IconTrash } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useSearchParams } from "react-router";
import { useDeleteMedia } from "~/api/media";
import { useMay } from "~/api/session";
import { PageBody } from "~/components/PageBody";
import { useProblemText } from "~/components/ProblemNotice";
import { FileGrid } from "./FileGrid";
import { FilterBar } from "./FilterBar";
import { exportUrl, type Filters, readFilters, writeFilters } from "./filters";
import { HitGrid } from "./HitGrid";
import classes from "./library.module.css";
import { TimelineChart } from "./TimelineChart";

/** Everything that is kept, and everything that was found in it. */
export function LibraryPage() {
  const { t } = useTranslation("library");
  const [params, setParams] = useSearchParams();
  const records = useMay("records:read");
  const write = useMay("media:write");
  const [chosen, setChosen] = useState<ReadonlySet<string> | null>(null);
  const asked = readFilters(params);
  const filters: Filters = records ? asked : { ...asked, view: "files" };
  const change = (part: Partial<Filters>) => setParams(writeFilters({ ...filters, ...part }), { replace: true });
  const files = filters.view === "files";
  return (
    <PageBody
      title={t("title")}
      text={t("lead")}
      actions={
        <>
          {files && write && (
            <Button
              variant={chosen ? "light" : "default"}
              leftSection={<IconCheckbox size={17} aria-hidden />}
              aria-pressed={chosen !== null}
              onClick={() => setChosen(chosen ? null : new Set())}
            >
              {t("select")}
            </Button>
          )}
          {records && <ExportMenu filters={filters} />}
        </>
      }
    >
      <Stack gap="md">
        <FilterBar filters={filters} onChange={change} />
        {records && <TimelineChart filters={filters} onRange={(from, before) => change({ from, before })} />}
        {files ? (
          <FileGrid filters={filters} onClear={() => setParams({})} chosen={chosen} onChoose={setChosen} />
        ) : (
          <HitGrid filters={filters} onClear={() => setParams({ view: "findings" })} />
        )}
      </Stack>
      {chosen && <Selection chosen={chosen} onDone={() => setChosen(null)} />}
    </PageBody>
  );
}

function ExportMenu({ filters }: { filters: Filters }) {
  const { t } = useTranslation("library");
  return (
    <Menu position="bottom-end" shadow="md" width={260}>
      <Menu.Target>
        <Button variant="default" leftSection={<IconDownload size={17} aria-hidden />}>
          {t("export")}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{t("exportWhat")}</Menu.Label>
        <Menu.Item component="a" href={exportUrl(filters, "parquet")} download>
          {t("parquet")}
        </Menu.Item>
        <Menu.Item component="a" href={exportUrl(filters, "coco")} download>
          {t("coco")}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

function Selection({ chosen, onDone }: { chosen: ReadonlySet<string>; onDone: () => void }) {
  const { t } = useTranslation(["library", "app"]);
  const remove = useDeleteMedia();
  const say = useProblemText();
  const count = chosen.size;
  const ask = () =>
    modals.openConfirmModal({
      title: t("deleteTitle", { count }),
      children: <Text size="sm">{t("deleteText")}</Text>,
      labels: { confirm: t("deleteConfirm", { count }), cancel: t("app:action.cancel") },
      confirmProps: { color: "red" },
      onConfirm: () =>
        remove.mutate([...chosen], {
          onSuccess: () => {
            notifications.show({ message: t("deleted", { count }) });
            onDone();
          },
          onError: (error) => {
            const { title, detail } = say(error);
            notifications.show({ color: "red", title, message: detail, autoClose: false });
          },
        }),
    });
  return (
    <section className={classes.selection} aria-label={t("select")}>
      <Text size="sm" fw={600}>
        {t("selected", { count })}
      </Text>
      <Button
        size="sm"
        color="red"
        leftSection={<IconTrash size={16} aria-hidden />}
        disabled={count === 0}
        loading={remove.isPending}
        onClick={ask}
      >
        {t("app:action.delete")}
      </Button>
      <Button size="sm" variant="default" onClick={onDone}>
        {t("app:action.cancel")}
      </Button>
    </section>
  );
}
