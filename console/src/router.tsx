import { createBrowserRouter, Navigate } from "react-router";
import { PAGES } from "./pages";
import { CrashPage } from "./shell/CrashPage";
import { Gate } from "./shell/Gate";
import { NotFoundPage } from "./shell/NotFoundPage";
import { Opening } from "./shell/Opening";
import { PageGuard } from "./shell/PageGuard";

/** Routes of all pages inside the shell; what a page needs is loaded when it is visited. */
export function makeRouter() {
  return createBrowserRouter([
    {
      path: "/",
      element: <Gate />,
      errorElement: <CrashPage />,
      hydrateFallbackElement: <Opening />,
      children: [
        { index: true, element: <Navigate to="/analyse" replace /> },
        ...PAGES.map((page) => ({
          path: page.path,
          element: <PageGuard page={page} />,
          errorElement: <CrashPage />,
          children: page.routes,
        })),
        { path: "*", element: <NotFoundPage /> },
      ],
    },
  ]);
}
