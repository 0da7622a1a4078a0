import { ActionIcon, Anchor } from "@mantine/core";
import { IconChevronDown } from "@tabler/icons-react";
import { Fragment, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import type { AuditEntry } from "~/api/audit";
import { JsonView } from "~/components/json/JsonView";
import classes from "./audit.module.css";
import { formatMoment, inShort, placeOf } from "./entries";

/** Entries as a table; each opens to all that is known of it. */
export function AuditTable({ entries }: { entries: readonly AuditEntry[] }) {
  const { t } = useTranslation("audit");
  const [open, setOpen] = useState<ReadonlySet<number>>(new Set());
  const toggle = (number: number) => {
    const next = new Set(open);
    if (!next.delete(number)) next.add(number);
    setOpen(next);
  };
  return (
    <div className={classes.frame}>
      <table className={classes.table} aria-label={t("title")}>
        <thead>
          <tr>
            <th scope="col" className={classes.wide}>
              {t("number")}
            </th>
            <th scope="col" className={classes.wide}>
              {t("at")}
            </th>
            <th scope="col" className={classes.wide}>
              {t("actor")}
            </th>
            <th scope="col">{t("action")}</th>
            <th scope="col" className={classes.wide}>
              {t("target")}
            </th>
            <th scope="col" className={classes.widest}>
              {t("detail")}
            </th>
            <th scope="col" className={classes.last}>
              <span className={classes.unseen}>{t("more")}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {entries.map((entry) => (
            <Fragment key={entry.number}>
              <Row entry={entry} open={open.has(entry.number)} onToggle={() => toggle(entry.number)} />
            </Fragment>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ entry, open, onToggle }: { entry: AuditEntry; open: boolean; onToggle: () => void }) {
  const { t, i18n } = useTranslation("audit");
  const at = formatMoment(entry.at, i18n.language);
  return (
    <>
      <tr data-open={open}>
        <td className={`${classes.wide} ${classes.number}`}>{entry.number}</td>
        <td className={`${classes.wide} ${classes.at}`}>{at}</td>
        <td className={classes.wide}>{entry.actor}</td>
        <td>
          <span className={classes.action}>{entry.action}</span>
          <span className={classes.narrow}>
            {entry.actor} · {at}
            {entry.target ? (
              <>
                <br />
                {entry.target}
              </>
            ) : null}
          </span>
        </td>
        <td className={`${classes.wide} ${classes.target}`}>
          <Target target={entry.target} />
        </td>
        <td className={classes.widest}>
          <span className={classes.short}>{inShort(entry.detail ?? {})}</span>
        </td>
        <td className={classes.last}>
          <ActionIcon
            variant="subtle"
            color="gray"
            size={32}
            aria-expanded={open}
            aria-label={t("open", { number: entry.number })}
            onClick={onToggle}
          >
            <IconChevronDown size={17} className={classes.arrow} data-open={open} aria-hidden />
          </ActionIcon>
        </td>
      </tr>
      {open && (
        <tr className={classes.opened}>
          <td colSpan={7}>
            <dl className={classes.facts}>
              <div>
                <dt>{t("number")}</dt>
                <dd className="numbers">{entry.number}</dd>
              </div>
              <div>
                <dt>{t("target")}</dt>
                <dd>
                  <Target target={entry.target} />
                </dd>
              </div>
              <div>
                <dt>{t("hash")}</dt>
                <dd className={classes.mono}>{entry.hash}</dd>
              </div>
            </dl>
            {Object.keys(entry.detail ?? {}).length > 0 ? <JsonView value={entry.detail} /> : t("noDetail")}
          </td>
        </tr>
      )}
    </>
  );
}

function Target({ target }: { target: string | null | undefined }) {
  if (!target) return <>–</>;
  const place = placeOf(target);
  if (!place) return <span title={target}>{target}</span>;
  return (
    <Anchor component={Link} to={place} inherit title={target}>
      {target}
    </Anchor>
  );
}
