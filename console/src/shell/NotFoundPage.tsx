import { Button } from "@mantine/core";
import { IconMapOff } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { EmptyState } from "~/components/EmptyState";
import { useTitle } from "~/components/useTitle";

/** An address that leads nowhere. */
export function NotFoundPage() {
  const { t } = useTranslation();
  useTitle(t("notFound.title"));
  return (
    <EmptyState level={1} icon={IconMapOff} title={t("notFound.title")} text={t("notFound.text")}>
      <Button component={Link} to="/analyse">
        {t("notFound.home")}
      </Button>
    </EmptyState>
  );
}
