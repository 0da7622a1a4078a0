import { ActionIcon, Button, Group, Skeleton, Switch, Text } from "@mantine/core";
import { modals } from "@mantine/modals";
import { notifications } from "@mantine/notifications";
import { IconKey, IconTrash } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type Key, useKeys, useRevokeKey } from "~/api/accounts";
import { useMay } from "~/api/session";
import { EmptyState } from "~/components/EmptyState";
import { ProblemNotice, useProblemText } from "~/components/ProblemNotice";
import { formatAgo, formatDateTime } from "~/lib/format";
import { KeyModal } from "./KeyModal";
import { stateOf } from "./keys";
import { Rights } from "./Rights";
import classes from "./settings.module.css";

/** API keys: for programs that speak with the server. */
export function KeysTab() {
  const { t } = useTranslation("settings");
  const keys = useKeys();
  const [adding, setAdding] = useState(false);
  const [old, setOld] = useState(false);
  const all = keys.data ?? [];
  const works = (key: Key) => ["works", "soon"].includes(stateOf(key, Date.now()));
  const shown = old ? all : all.filter(works);
  const hidden = all.length - all.filter(works).length;
  return (
    <>
      <Group justify="space-between" mb="md" gap="sm">
        <Text c="dimmed" size="sm" maw="60ch">
          {t("keys.text")}
        </Text>
        <Button leftSection={<IconKey size={17} aria-hidden />} onClick={() => setAdding(true)}>
          {t("keys.add")}
        </Button>
      </Group>
      {hidden > 0 && (
        <Switch
          label={t("keys.old", { count: hidden })}
          checked={old}
          onChange={(event) => setOld(event.currentTarget.checked)}
          mb="md"
        />
      )}
      {keys.isError && <ProblemNotice error={keys.error} onRetry={() => void keys.refetch()} />}
      {keys.isPending && <Skeleton h={80} />}
      {keys.isSuccess && shown.length === 0 && (
        <EmptyState icon={IconKey} title={t("keys.emptyTitle")} text={t("keys.emptyText")} />
      )}
      {shown.length > 0 && (
        <ul className={classes.list} aria-label={t("tab.keys")}>
          {shown.map((key) => (
            <KeyRow key={key.id} value={key} />
          ))}
        </ul>
      )}
      {adding && <KeyModal onClose={() => setAdding(false)} />}
    </>
  );
}

function KeyRow({ value: key }: { value: Key }) {
  const { t, i18n } = useTranslation(["settings", "app"]);
  const lang = i18n.language;
  const all = useMay("users:manage");
  const revoke = useRevokeKey();
  const problemText = useProblemText();
  const state = stateOf(key, Date.now());
  const ask = () =>
    modals.openConfirmModal({
      title: t("keys.revokeTitle", { name: key.name }),
      children: <Text size="sm">{t("keys.revokeText")}</Text>,
      labels: { confirm: t("keys.revoke"), cancel: t("app:action.cancel") },
      confirmProps: { color: "red" },
      onConfirm: () =>
        revoke.mutate(key.id, {
          onError: (error) => {
            const { title, detail } = problemText(error);
            notifications.show({ color: "red", title, message: detail });
          },
        }),
    });
  return (
    <li className={classes.row} data-off={state === "revoked" || state === "expired"}>
      <div className={classes.rowMain}>
        <Text fw={600}>
          {key.name}{" "}
          <Text span size="sm" c="dimmed" ff="monospace" fw={400}>
            {key.prefix}…
          </Text>
        </Text>
        <Text size="sm" c="dimmed">
          {all ? `${key.user} · ` : ""}
          {key.last_used_at ? t("keys.used", { when: formatAgo(key.last_used_at, lang) }) : t("keys.unused")}
        </Text>
        <details className={classes.rights}>
          <summary>{t("keys.may", { count: key.scopes.length })}</summary>
          <Rights rights={key.scopes} />
        </details>
      </div>
      <Text size="sm" className={classes.rowSide} data-state={state} title={formatDateTime(key.expires_at, lang)}>
        {t(`keys.state.${state}`, { when: formatAgo(key.expires_at, lang) })}
      </Text>
      {!key.revoked && (
        <ActionIcon
          variant="subtle"
          color="gray"
          size={36}
          aria-label={t("keys.revokeName", { name: key.name })}
          title={t("keys.revokeName", { name: key.name })}
          loading={revoke.isPending}
          onClick={ask}
        >
          <IconTrash size={18} stroke={1.7} aria-hidden />
        </ActionIcon>
      )}
    </li>
  );
}
