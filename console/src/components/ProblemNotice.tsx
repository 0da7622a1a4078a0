import { Alert, Button, Group, List, Stack, Text } from "@mantine/core";
import { IconAlertTriangle, IconCloudOff, IconRefresh } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { ApiProblem, OfflineError } from "~/api/problem";

interface Props {
  error: unknown;
  /** Offer to try again. */
  onRetry?: () => void;
}

/** Title and detail of an error, in words; the text for an error that the server did not explain says what to do. */
export function useProblemText(): (error: unknown) => { title: string; detail: string } {
  const { t } = useTranslation();
  return (error) => {
    if (error instanceof OfflineError) return { title: t("problem.offline"), detail: t("problem.offlineDetail") };
    if (error instanceof ApiProblem) {
      const detail = error.problem.detail || t([`problem.status.${error.status}`, "problem.unknownDetail"]);
      return { title: error.problem.title, detail };
    }
    return { title: t("problem.unknown"), detail: error instanceof Error ? error.message : String(error) };
  };
}

/** What went wrong and what to do. */
export function ProblemNotice({ error, onRetry }: Props) {
  const { t } = useTranslation();
  const { title, detail } = useProblemText()(error);
  const problem = error instanceof ApiProblem ? error.problem : null;
  const Icon = error instanceof OfflineError ? IconCloudOff : IconAlertTriangle;
  return (
    <Alert role="alert" color="red" variant="light" icon={<Icon aria-hidden />} title={title} w="100%">
      <Stack gap="xs" align="flex-start">
        <Text size="sm">{detail}</Text>
        {problem?.errors && problem.errors.length > 0 && (
          <List size="sm">
            {problem.errors.map((field) => (
              <List.Item key={`${field.at} ${field.message}`}>
                <b>{field.at}</b>: {field.message}
              </List.Item>
            ))}
          </List>
        )}
        <Group gap="sm">
          {onRetry && (
            <Button size="xs" variant="default" leftSection={<IconRefresh size={14} aria-hidden />} onClick={onRetry}>
              {t("action.retry")}
            </Button>
          )}
          {problem?.instance && (
            <Text size="xs" c="dimmed">
              {t("problem.instance", { id: problem.instance })}
            </Text>
          )}
        </Group>
      </Stack>
    </Alert>
  );
}
