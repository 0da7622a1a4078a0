import { Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import type { ModelState } from "~/api/models";
import { formatBytes } from "~/lib/format";
import { figure } from "./choose";
import { Fetch } from "./Fetch";
import { Commercial, Here } from "./marks";
import classes from "./models.module.css";

/** One net in the list. */
export function ModelCard({ model }: { model: ModelState }) {
  const { t, i18n } = useTranslation("models");
  const lang = i18n.language;
  const bytes = model.bytes ?? model.download_bytes;
  const accuracy = model.accuracy ?? [];
  return (
    <article className={classes.card}>
      <div className={classes.cardHead}>
        <div className={classes.grow}>
          <h2 className={classes.cardTitle}>
            <Link to={`/models/${model.name}`} className={classes.cardLink} preventScrollReset>
              {model.title}
            </Link>
          </h2>
          <Text size="xs" c="dimmed">
            {[t(`task.${model.task}`, model.task), bytes == null ? null : formatBytes(bytes, lang)]
              .filter(Boolean)
              .join(" · ")}
            {model.default ? ` · ${t("default")}` : ""}
          </Text>
        </div>
        <Here state={model.state} fetching={Boolean(model.fetching_job_id)} />
      </div>
      {model.summary && <Text size="sm">{model.summary}</Text>}
      <dl className={classes.terms}>
        <div>
          <dt>{t("code")}</dt>
          <dd>{model.licence_code}</dd>
        </div>
        <div>
          <dt>{t("weights")}</dt>
          <dd>{model.licence_weights}</dd>
        </div>
        <div>
          <dt>{t("data")}</dt>
          <dd>{model.licence_data}</dd>
        </div>
      </dl>
      {!model.commercial && <Commercial allowed={false} />}
      <div className={classes.cardFoot}>
        {accuracy.length > 0 ? (
          <ul className={classes.figures}>
            {accuracy.slice(0, 2).map((row) => (
              <li key={`${row.metric} ${row.data}`} title={row.data}>
                <b className="numbers">{figure(row.value, lang)}</b> <span>{row.metric}</span>
              </li>
            ))}
          </ul>
        ) : (
          <Text size="xs" c="dimmed">
            {t("unmeasured")}
          </Text>
        )}
        <div className={classes.above}>
          <Fetch model={model} />
        </div>
      </div>
    </article>
  );
}
