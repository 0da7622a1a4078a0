import { Alert, List, Text, Title } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { Analysis, Media } from "~/api/types";
import { formatBytes, formatClock, formatDateTime, formatNumber, formatSpan, frameRate } from "~/lib/format";
import classes from "./result.module.css";

/** The file, the models that looked at it, and what was lost on the way. */
export function AboutAnalysis({ analysis, media }: { analysis: Analysis; media: Media }) {
  const { t, i18n } = useTranslation(["analyse", "app"]);
  const lang = i18n.language;
  const rate = frameRate(media.frame_rate);
  const took = analysis.took_s;
  const rows: [string, string | null][] = [
    [t("about.size"), `${media.size_wh[0]} × ${media.size_wh[1]}`],
    [t("about.format"), `${media.format}, ${formatBytes(media.bytes, lang)}`],
    [t("about.duration"), media.duration_s == null ? null : formatClock(media.duration_s, 1)],
    [t("about.rate"), rate === null ? null : t("about.perSecond", { count: Number(rate.toFixed(3)) })],
    [t("about.taken"), formatDateTime(media.taken_at, lang)],
    [t("about.added"), t("about.addedBy", { when: formatDateTime(media.added_at, lang), who: media.added_by })],
    [t("about.expires"), media.expires_at ? formatDateTime(media.expires_at, lang) : null],
    [t("about.analysed"), analysis.finished_at ? formatDateTime(analysis.finished_at, lang) : null],
    [t("about.took"), took == null ? null : took < 60 ? `${formatNumber(took, lang, 2)} s` : formatSpan(took, lang)],
    [t("about.frames"), media.kind === "video" ? formatNumber(analysis.frames, lang) : null],
    ["SHA-256", media.sha256],
  ];
  const problems = analysis.problems ?? [];
  return (
    <div className={classes.about}>
      {problems.length > 0 && (
        <Alert color="yellow" icon={<IconAlertTriangle aria-hidden />} title={t("about.problems")} mb="md">
          <List size="sm">
            {problems.map((problem) => (
              <List.Item key={`${problem.time_s} ${problem.message}`}>
                {problem.time_s == null ? "" : `${formatClock(problem.time_s, 1)}: `}
                {problem.message}
              </List.Item>
            ))}
          </List>
        </Alert>
      )}
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
      {(analysis.models ?? []).length > 0 && (
        <>
          <Title order={2} size="h3" mt="md" mb={6}>
            {t("about.models")}
          </Title>
          <ul className={classes.models}>
            {(analysis.models ?? []).map((model) => (
              <li key={model.name}>
                <b>{model.name}</b>
                <Text size="xs" c="dimmed" truncate title={model.sha256}>
                  {model.provider} · {model.sha256.slice(0, 16)}…
                </Text>
              </li>
            ))}
          </ul>
        </>
      )}
    </div>
  );
}
