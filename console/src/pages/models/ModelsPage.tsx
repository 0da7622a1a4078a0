import { Alert, Button, Chip, Group, Skeleton, Switch, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconDownload, IconFilterOff, IconInfoCircle, IconSearch } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate, useParams } from "react-router";
import { useFetchModels, useModels } from "~/api/models";
import { useMay } from "~/api/session";
import { EmptyState } from "~/components/EmptyState";
import { PageBody } from "~/components/PageBody";
import { ProblemNotice, useProblemText } from "~/components/ProblemNotice";
import { formatBytes } from "~/lib/format";
import { choose, needed, TASKS, type Task, type Wish } from "./choose";
import { ModelCard } from "./ModelCard";
import { ModelDrawer } from "./ModelDrawer";
import classes from "./models.module.css";

const ALL: Wish = { task: null, missing: false, words: "" };

/** The nets: what they do, under which terms, how well, and whether they are here. */
export function ModelsPage() {
  const { t } = useTranslation("models");
  const { name } = useParams();
  const go = useNavigate();
  const models = useModels();
  const [wish, setWish] = useState<Wish>(ALL);
  const all = models.data ?? [];
  const shown = choose(all, wish);
  const tasks = TASKS.filter((task) => all.some((model) => model.task === task));
  return (
    <PageBody title={t("title")} text={t("lead")}>
      <div className={classes.filters}>
        <Chip.Group
          value={wish.task ?? ""}
          onChange={(task) => setWish({ ...wish, task: (task || null) as Task | null })}
        >
          <Group gap={6} role="radiogroup" aria-label={t("byTask")}>
            <Chip value="" size="sm" variant="outline">
              {t("allTasks")}
            </Chip>
            {tasks.map((task) => (
              <Chip key={task} value={task} size="sm" variant="outline">
                {t(`task.${task}`)}
              </Chip>
            ))}
          </Group>
        </Chip.Group>
        <Group gap="md">
          <Switch
            label={t("onlyMissing")}
            checked={wish.missing}
            onChange={(event) => setWish({ ...wish, missing: event.currentTarget.checked })}
          />
          <TextInput
            type="search"
            aria-label={t("search")}
            placeholder={t("search")}
            leftSection={<IconSearch size={16} aria-hidden />}
            value={wish.words}
            onChange={(event) => setWish({ ...wish, words: event.currentTarget.value })}
            className={classes.search}
          />
        </Group>
      </div>
      {models.isError && <ProblemNotice error={models.error} onRetry={() => void models.refetch()} />}
      <Missing />
      {models.isPending && (
        <div className={classes.grid} aria-hidden>
          {["a", "b", "c", "d", "e", "f"].map((key) => (
            <Skeleton key={key} h={236} radius="lg" />
          ))}
        </div>
      )}
      {models.isSuccess && shown.length === 0 && (
        <EmptyState icon={IconFilterOff} title={t("noneTitle")} text={t("noneText")}>
          <Button variant="default" onClick={() => setWish(ALL)}>
            {t("showAll")}
          </Button>
        </EmptyState>
      )}
      <ul className={classes.grid}>
        {shown.map((model) => (
          <li key={model.name}>
            <ModelCard model={model} />
          </li>
        ))}
      </ul>
      <ModelDrawer name={name} onClose={() => void go("/models", { replace: true, preventScrollReset: true })} />
    </PageBody>
  );
}

/** What an analysis would need and is not here. */
function Missing() {
  const { t, i18n } = useTranslation("models");
  const may = useMay("models:fetch");
  const models = useModels();
  const { mutate, isPending } = useFetchModels();
  const problemText = useProblemText();
  const wanted = needed(models.data ?? []);
  if (wanted.length === 0) return null;
  const bytes = wanted.reduce((sum, model) => sum + (model.download_bytes ?? 0), 0);
  const fetchAll = () =>
    mutate(
      wanted.map((model) => model.name),
      {
        onError: (error) => {
          const { title, detail } = problemText(error);
          notifications.show({ color: "red", title, message: detail });
        },
      },
    );
  return (
    <Alert color="yellow" icon={<IconInfoCircle aria-hidden />} mb="lg" title={t("missing", { count: wanted.length })}>
      <Group justify="space-between" gap="sm">
        <span>{may ? t("missingText") : t("missingTextViewer")}</span>
        {may && (
          <Button size="sm" leftSection={<IconDownload size={16} aria-hidden />} loading={isPending} onClick={fetchAll}>
            {t("fetchAll", { size: formatBytes(bytes, i18n.language) })}
          </Button>
        )}
      </Group>
    </Alert>
  );
}
