import { Autocomplete, Button, Center, Skeleton, Stack, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconFilterOff, IconRefresh, IconShieldCheck } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useSearchParams } from "react-router";
import { useAuditPages, useVerifyAudit } from "~/api/audit";
import { EmptyState } from "~/components/EmptyState";
import { PageBody } from "~/components/PageBody";
import { ProblemNotice } from "~/components/ProblemNotice";
import { AuditTable } from "./AuditTable";
import classes from "./audit.module.css";
import { ACTIONS, filterFrom } from "./entries";
import { VerifyButton, VerifyVerdict } from "./Verify";

/** What was done, by whom, and whether the trail is whole. */
export function AuditPage() {
  const { t } = useTranslation(["audit", "app"]);
  const [params, setParams] = useSearchParams();
  const filter = filterFrom(params);
  const [typed, setTyped] = useState({ actor: filter.actor ?? "", action: filter.action ?? "" });
  const pages = useAuditPages(filter);
  const verify = useVerifyAudit();
  const entries = pages.data?.pages.flatMap(({ items }) => items) ?? [];
  const apply = useDebouncedCallback((next: typeof typed) => {
    const wanted = new URLSearchParams();
    for (const key of ["actor", "action"] as const) if (next[key].trim()) wanted.set(key, next[key].trim());
    setParams(wanted, { replace: true });
  }, 350);
  const type = (change: Partial<typeof typed>) => {
    const next = { ...typed, ...change };
    setTyped(next);
    apply(next);
  };
  const filtered = filter.actor !== undefined || filter.action !== undefined;
  return (
    <PageBody
      title={t("title")}
      text={t("lead")}
      actions={
        <>
          <Button
            variant="default"
            leftSection={<IconRefresh size={16} aria-hidden />}
            loading={pages.isRefetching && !pages.isFetchingNextPage}
            onClick={() => void pages.refetch()}
          >
            {t("refresh")}
          </Button>
          <VerifyButton verify={verify} />
        </>
      }
    >
      <VerifyVerdict verify={verify} />
      <search className={classes.filters}>
        <TextInput
          label={t("actor")}
          placeholder={t("actorHint")}
          value={typed.actor}
          onChange={(event) => type({ actor: event.currentTarget.value })}
          autoCapitalize="none"
          spellCheck={false}
          className={classes.filter}
        />
        <Autocomplete
          label={t("action")}
          placeholder={t("actionHint")}
          data={[...ACTIONS]}
          value={typed.action}
          onChange={(action) => type({ action })}
          autoCapitalize="none"
          spellCheck={false}
          className={classes.filter}
        />
      </search>
      {pages.isError && <ProblemNotice error={pages.error} onRetry={() => void pages.refetch()} />}
      {pages.isPending && (
        <Stack gap={6} aria-hidden>
          {[0, 1, 2, 3, 4, 5].map((row) => (
            <Skeleton key={row} h={40} />
          ))}
        </Stack>
      )}
      {pages.isSuccess &&
        entries.length === 0 &&
        (filtered ? (
          <EmptyState icon={IconFilterOff} title={t("noneTitle")} text={t("noneText")}>
            <Button
              variant="default"
              onClick={() => {
                setTyped({ actor: "", action: "" });
                setParams({}, { replace: true });
              }}
            >
              {t("showAll")}
            </Button>
          </EmptyState>
        ) : (
          <EmptyState icon={IconShieldCheck} title={t("emptyTitle")} text={t("emptyText")} />
        ))}
      {entries.length > 0 && <AuditTable entries={entries} />}
      {pages.hasNextPage && (
        <Center mt="md">
          <Button variant="default" loading={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>
            {t("app:action.more")}
          </Button>
        </Center>
      )}
    </PageBody>
  );
}
