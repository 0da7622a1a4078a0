import { Center } from "@mantine/core";
import { useEffect, useRef } from "react";
import { MeContext, takeTokenFromAddress, useSession, useTokenSignIn } from "~/api/session";
import { ProblemNotice } from "~/components/ProblemNotice";
import { SignInPage } from "~/pages/sign-in/SignInPage";
import { Opening } from "./Opening";
import { Shell } from "./Shell";

/** The door: the console for who is signed in, the sign-in page for everyone else. */
export function Gate() {
  const byToken = useTokenSignIn();
  const asked = useRef(false);
  const token = useRef<string | null>(null);
  if (!asked.current) {
    asked.current = true;
    token.current = takeTokenFromAddress();
  }
  const { mutate } = byToken;
  useEffect(() => {
    if (token.current) mutate(token.current);
    token.current = null;
  }, [mutate]);

  const session = useSession();
  if (session.isPending || byToken.isPending) {
    return <Opening />;
  }
  if (session.isError) {
    return (
      <Center h="100vh" p="md">
        <ProblemNotice error={session.error} onRetry={() => void session.refetch()} />
      </Center>
    );
  }
  if (!session.data) return <SignInPage tokenError={byToken.error} />;
  return (
    <MeContext value={session.data}>
      <Shell />
    </MeContext>
  );
}
