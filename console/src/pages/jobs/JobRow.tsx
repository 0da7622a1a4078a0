import { ActionIcon, Anchor, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { modals } from "@mantine/modals";
import { notifications } from "@mantine/notifications";
import {
  IconChevronDown,
  IconDownload,
  IconFolder,
  IconMovie,
  IconPhoto,
  IconPlayerPause,
  IconPlayerPlay,
  IconRefresh,
  IconVideo,
  IconX,
} from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { type JobAction, type JobFilter, useFreshJob, useJobAction } from "~/api/jobs";
import { useMay } from "~/api/session";
import type { Job } from "~/api/types";
import { JobProgress } from "~/components/jobs/JobProgress";
import { JobState } from "~/components/jobs/JobState";
import { useProblemText } from "~/components/ProblemNotice";
import { formatAgo, formatDateTime, formatSpan } from "~/lib/format";
import { belongs, resultOf, tookS } from "./filter";
import classes from "./jobs.module.css";

const KIND_ICONS = {
  picture: IconPhoto,
  video: IconMovie,
  folder: IconFolder,
  camera: IconVideo,
  fetch: IconDownload,
} as const;
const ACTION_ICONS = { pause: IconPlayerPause, resume: IconPlayerPlay, retry: IconRefresh, cancel: IconX } as const;

/** One job as a row that opens. */
export function JobRow({ known, filter }: { known: Job; filter: JobFilter }) {
  const { t, i18n } = useTranslation(["jobs", "app"]);
  const job = useFreshJob(known);
  const [open, { toggle }] = useDisclosure(false);
  const Icon = KIND_ICONS[job.kind];
  const result = resultOf(job);
  const bad = job.state === "failed";
  return (
    <li className={classes.job} data-leaving={!belongs(job, filter)}>
      <div className={classes.head}>
        <Icon size={20} stroke={1.6} className={classes.kindIcon} role="img" aria-label={t(`kind.${job.kind}`)} />
        <div className={classes.name}>
          <Text fw={600} size="sm" truncate title={job.title}>
            {result ? (
              <Anchor component={Link} to={result} inherit c="inherit" underline="hover">
                {job.title}
              </Anchor>
            ) : (
              job.title
            )}
          </Text>
          <Text size="xs" c="dimmed" truncate title={formatDateTime(job.created_at, i18n.language)}>
            {t("byWhen", { who: job.created_by, when: formatAgo(job.created_at, i18n.language) })}
          </Text>
        </div>
        <div className={classes.stateCell}>
          <JobState state={job.state} />
        </div>
        <div className={classes.progress}>
          <JobProgress job={job} />
        </div>
        <div className={classes.actions}>
          <Actions job={job} />
          <ActionIcon
            variant="subtle"
            color="gray"
            size={34}
            aria-expanded={open}
            aria-label={t(open ? "hide" : "show", { name: job.title })}
            onClick={toggle}
          >
            <IconChevronDown size={18} className={classes.arrow} data-open={open} aria-hidden />
          </ActionIcon>
        </div>
      </div>
      {job.detail && (
        <Text
          size="sm"
          c={bad ? "var(--app-bad)" : "dimmed"}
          className={classes.detail}
          lineClamp={open ? undefined : 2}
        >
          {job.detail}
        </Text>
      )}
      {open && <Details job={job} />}
    </li>
  );
}

function Details({ job }: { job: Job }) {
  const { t, i18n } = useTranslation(["jobs", "app"]);
  const lang = i18n.language;
  const took = tookS(job, Date.now());
  const at = (iso: string | null | undefined) => (iso ? formatDateTime(iso, lang) : null);
  const rows: [string, string | null][] = [
    [t("detail.created"), at(job.created_at)],
    [t("detail.started"), at(job.started_at)],
    [t("detail.finished"), at(job.finished_at)],
    [t("detail.took"), took === null ? null : formatSpan(took, lang)],
    [t("detail.attempts"), (job.attempts ?? 1) > 1 ? String(job.attempts) : null],
    [t("detail.id"), job.id],
  ];
  return (
    <div className={classes.more}>
      <dl className={classes.facts}>
        {rows.map(([label, value]) =>
          value === null ? null : (
            <div key={label}>
              <dt>{label}</dt>
              <dd className="numbers">{value}</dd>
            </div>
          ),
        )}
      </dl>
      {job.source_id != null && (
        <Anchor component={Link} to="/settings/sources" size="sm">
          {t("toSource")}
        </Anchor>
      )}
    </div>
  );
}

function Actions({ job }: { job: Job }) {
  const { t } = useTranslation(["jobs", "app"]);
  const may = useMay("jobs:control");
  const { mutate, isPending, variables } = useJobAction();
  const problemText = useProblemText();
  if (!may) return null;
  const act = (action: JobAction) =>
    mutate(
      { id: job.id, action },
      {
        onError: (error) => {
          const { title, detail } = problemText(error);
          notifications.show({ color: "red", title, message: detail });
        },
      },
    );
  const ask = () =>
    modals.openConfirmModal({
      title: t("cancelTitle", { name: job.title }),
      children: <Text size="sm">{t(`cancelText.${job.kind}`)}</Text>,
      labels: { confirm: t("cancelYes"), cancel: t("cancelNo") },
      confirmProps: { color: "red" },
      onConfirm: () => act("cancel"),
    });
  return (["resume", "pause", "retry", "cancel"] as const)
    .filter((action) => job.actions.includes(action))
    .map((action) => {
      const Icon = ACTION_ICONS[action];
      const label = t(`action.${action}`, { name: job.title });
      return (
        <ActionIcon
          key={action}
          variant="subtle"
          color="gray"
          size={34}
          aria-label={label}
          title={label}
          loading={isPending && variables?.action === action}
          onClick={() => (action === "cancel" ? ask() : act(action))}
        >
          <Icon size={18} stroke={1.7} aria-hidden />
        </ActionIcon>
      );
    });
}
