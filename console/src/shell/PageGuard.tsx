import { IconLock } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Outlet } from "react-router";
import { useMe } from "~/api/session";
import { EmptyState } from "~/components/EmptyState";
import { useTitle } from "~/components/useTitle";
import type { Page } from "~/pages/page";

/** A page, for those who may see it. */
export function PageGuard({ page }: { page: Page }) {
  const { t } = useTranslation();
  const { permissions } = useMe();
  useTitle(t("title", { ns: page.id }));
  if (page.permission && !permissions.includes(page.permission)) {
    return <EmptyState level={1} icon={IconLock} title={t("guard.title")} text={t("guard.text")} />;
  }
  return <Outlet />;
}
