import { Alert, Button, List, Text } from "@mantine/core";
import { IconShieldCheck, IconShieldX } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { useVerifyAudit } from "~/api/audit";
import { ProblemNotice } from "~/components/ProblemNotice";
import { formatNumber } from "~/lib/format";

type Verify = ReturnType<typeof useVerifyAudit>;

export function VerifyButton({ verify }: { verify: Verify }) {
  const { t } = useTranslation("audit");
  return (
    <Button
      leftSection={<IconShieldCheck size={17} aria-hidden />}
      loading={verify.isPending}
      onClick={() => verify.mutate()}
    >
      {t("verify")}
    </Button>
  );
}

/** What the server found when it read the whole trail. */
export function VerifyVerdict({ verify }: { verify: Verify }) {
  const { t, i18n } = useTranslation(["audit", "app"]);
  const verdict = verify.data;
  const close = { withCloseButton: true, closeButtonLabel: t("app:action.close"), onClose: () => verify.reset() };
  return (
    <div aria-live="polite">
      {verify.isError && <ProblemNotice error={verify.error} onRetry={() => verify.mutate()} />}
      {verdict?.intact && (
        <Alert color="green" icon={<IconShieldCheck aria-hidden />} title={t("intact")} mb="md" {...close}>
          <Text size="sm">
            {t("intactText", { count: verdict.entries, number: formatNumber(verdict.entries, i18n.language) })}
          </Text>
        </Alert>
      )}
      {verdict && !verdict.intact && (
        <Alert color="red" icon={<IconShieldX aria-hidden />} title={t("broken")} mb="md" {...close}>
          <Text size="sm" mb="xs">
            {t("brokenText")}
          </Text>
          <List size="sm">
            {verdict.problems.map((problem) => (
              <List.Item key={problem}>{problem}</List.Item>
            ))}
          </List>
        </Alert>
      )}
    </div>
  );
}
