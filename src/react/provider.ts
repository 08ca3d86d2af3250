import { createContext, createElement, type ReactElement, type ReactNode, useContext } from "react";
import type { TaskClient } from "../client/index.ts";

const ClientContext = createContext<TaskClient | undefined>(undefined);

/** The properties of `TaskClientProvider`. */
export interface TaskClientProviderProps {
  /** Make it once, outside of components: each client follows its tasks itself. */
  client: TaskClient;
  children?: ReactNode;
}

/** Says of whom the hooks below it ask. */
export function TaskClientProvider({ client, children }: TaskClientProviderProps): ReactElement {
  return createElement(ClientContext.Provider, { value: client }, children);
}

/** @throws where there is no `TaskClientProvider` above */
export function useTaskClient(): TaskClient {
  const client = useContext(ClientContext);
  if (client === undefined) throw new Error("There is no TaskClientProvider above this component.");
  return client;
}
