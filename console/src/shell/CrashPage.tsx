import { Button, Code } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { useRouteError } from "react-router";
import { EmptyState } from "~/components/EmptyState";

/** A page that broke: what happened and how to go on. */
export function CrashPage() {
  const { t } = useTranslation();
  const error = useRouteError();
  return (
    <EmptyState level={1} icon={IconAlertTriangle} title={t("crash.title")} text={t("crash.text")}>
      <Code block maw={640}>
        {error instanceof Error ? error.message : String(error)}
      </Code>
      <Button onClick={() => window.location.reload()}>{t("crash.reload")}</Button>
    </EmptyState>
  );
}
