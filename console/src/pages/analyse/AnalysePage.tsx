import { useTranslation } from "react-i18next";
import { PageBody } from "~/components/PageBody";

export function AnalysePage() {
  const { t } = useTranslation("analyse");
  return <PageBody title={t("title")}>{null}</PageBody>;
}
