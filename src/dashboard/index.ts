export type { TaskPageOptions } from "./options.ts";
export { createTaskPage } from "./task-page.ts";
