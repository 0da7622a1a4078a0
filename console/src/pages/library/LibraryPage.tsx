import { useTranslation } from "react-i18next";
import { PageBody } from "~/components/PageBody";

export function LibraryPage() {
  const { t } = useTranslation("library");
  return <PageBody title={t("title")}>{null}</PageBody>;
}
